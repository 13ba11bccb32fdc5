"""The engine: a broken rule never loses the others."""

from __future__ import annotations

from datetime import date

from perennial.compliance import engine
from perennial.compliance.rule import Evidence, Rule
from perennial.model.findings import Severity


def rule(name: str, answer: Evidence | Exception | None, severity: Severity | Exception = Severity.LOW) -> Rule[str]:
    """Return a rule that answers so for whatever it is asked about."""

    def check(subject: str) -> Evidence | None:
        if isinstance(answer, Exception):
            raise answer
        return answer

    def grade(subject: str) -> Severity:
        if isinstance(severity, Exception):
            raise severity
        return severity

    return Rule(
        id=name, severity=Severity.INFO, title="", source="", since=date(2026, 1, 1), fix="", check=check, grade=grade
    )


def test_a_rule_that_raises_is_a_finding_and_loses_no_other() -> None:
    """The others are returned, and one finding names the rules that failed with their errors."""
    rules = [rule("a", {"x": "1"}), rule("b", ValueError("no")), rule("c", {"y": "2"}), rule("d", KeyError("k"))]
    found = engine.run(rules, "subject")
    assert [one.rule for one in found] == ["a", "c", "rule-failed"]
    assert found[-1].evidence == {"b": "ValueError: no", "d": "KeyError: 'k'"}


def test_a_grade_that_raises_counts_as_its_rule_failing() -> None:
    """A rule that finds something and cannot grade it is a failed rule."""
    found = engine.run([rule("a", {"x": "1"}, TypeError("odd"))], "subject")
    assert [(one.rule, dict(one.evidence)) for one in found] == [("rule-failed", {"a": "TypeError: odd"})]


def test_all_is_well_where_no_rule_answers() -> None:
    """Rules that return nothing find nothing."""
    assert engine.run([rule("a", None)], "subject") == ()


def test_the_grade_goes_before_the_rules_own_severity() -> None:
    """A graded rule's finding has the severity of its case."""
    assert engine.run([rule("a", {}, Severity.CRITICAL)], "subject")[0].severity is Severity.CRITICAL
