"""Run rules over a subject: all findings, not the first, and a broken rule never loses the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from perennial.compliance.rule import Rule
from perennial.model.findings import Found, Severity

RULE_FAILED = "rule-failed"
FAILED_FIX = "Report it with this evidence; the other rules were checked, and what this rule found before stays open."

# What a fault in a rule's own code raises. Anything else is no fault of a rule, and stops the unit of work.
FAULTS = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)


def run[S](rules: Iterable[Rule[S]], subject: S) -> tuple[Found, ...]:
    """Return what the rules find; those that fail are one finding together, naming them."""
    found: list[Found] = []
    failed: dict[str, str] = {}
    for rule in rules:
        try:
            found.extend(_ask(rule, subject))
        except FAULTS as fault:
            failed[rule.id] = f"{type(fault).__name__}: {fault}"[:200]
    if failed:
        found.append(Found(rule=RULE_FAILED, severity=Severity.MEDIUM, evidence=failed, fix=FAILED_FIX))
    return tuple(found)


def _ask[S](rule: Rule[S], subject: S) -> Iterator[Found]:
    evidence = rule.check(subject)
    if evidence is not None:
        severity = rule.grade(subject) if rule.grade is not None else rule.severity
        yield Found(rule=rule.id, severity=severity, evidence=evidence, fix=rule.fix)
