"""docs/operations.md explains every kind of notice, code, reason, finding and line of the log, and its sums add up."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from fractions import Fraction

import pytest

from perennial.compliance import RULES, VAULT_RULES
from perennial.compliance.engine import RULE_FAILED
from perennial.model.messages import Queue
from perennial.model.notices import NoticeKind
from perennial.model.reasons import ReasonCode
from tests.architecture.source import modules
from tests.docs.pages import Page, first_words, page, rows

#: Builders of action-needed notices in perennial/workflows/notices.py, and which argument is the code.
BUILDERS = {"certificate_notice": 1, "vault_notice": 1, "fleet_notice": 0}


def operations() -> Page:
    """Read the page."""
    return page("docs/operations.md")


def trees() -> Iterator[ast.Module]:
    """Parse the product."""
    return (ast.parse(path.read_text(encoding="utf-8")) for path in modules("perennial"))


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Go through the calls in a tree, with the last part of the function's name."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                yield name, node


def codes() -> set[str]:
    """Return the codes of action-needed that workflows give, those of reasons left out."""
    found: set[str] = set()
    for tree in trees():
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            local = {
                node.targets[0].id: node.value
                for node in ast.walk(function)
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
            }
            for name, call in calls(function):
                if name in BUILDERS:
                    found |= _code(call.args[BUILDERS[name]], local)
    return found


def _code(given: ast.expr, local: dict[str, ast.expr]) -> set[str]:
    match given:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.Attribute(value=ast.Name(id="ReasonCode"), attr=member):
            return {ReasonCode[member].value}
        case ast.JoinedStr(values=[ast.Constant(value=str(start)), ast.FormattedValue()]):
            return {f"{start}{queue}" for queue in Queue}  # the only code with a hole in it
        case ast.Name(id=name) if name in local:
            return _code(local[name], local)
        case _:
            return set()  # a parameter: its own callers are seen too


def logged() -> dict[str, str]:
    """Return every event of the log with its level."""
    named = [(name, call.args[0]) for tree in trees() for name, call in calls(tree) if call.args]
    levels = {"line": "info", "warn": "warning"}
    return {
        str(first.value): levels[name] for name, first in named if name in levels and isinstance(first, ast.Constant)
    }


def test_every_kind_of_notice_is_explained() -> None:
    """The kinds are those of the code, in their order."""
    assert first_words(operations().section("Notices")) == [kind.value for kind in NoticeKind]


def test_every_code_of_action_needed_is_explained() -> None:
    """A code is in the table, or is a reason's and named before it."""
    section = operations().section("Codes of action-needed")
    assert set(first_words(section)) == codes()


def test_the_reasons_that_ask_a_person_are_named() -> None:
    """Every reason that `decide` may ask a person with is among the codes."""
    section = operations().section("Codes of action-needed").partition("| code |")[0]
    named = set(re.findall(r"`([a-z-]+)`", section))
    asking = {
        ReasonCode[node.attr].value
        for tree in trees()
        for name, call in calls(tree)
        if name == "AskHuman"
        for node in ast.walk(call)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ReasonCode"
    }
    others = {
        ReasonCode.FOREIGN_MANAGER,
        ReasonCode.FOREIGN_PENDING,
        ReasonCode.SIGNATURE_NEEDED,
    }  # given to AskHuman by a variable
    assert named == asking | {code.value for code in others}


def test_every_reason_is_explained() -> None:
    """The reasons are those of the code, in their order."""
    assert first_words(operations().section("Reasons")) == [code.value for code in ReasonCode]


def test_every_finding_is_explained() -> None:
    """Each rule has its line, with a link to its entry."""
    ids = [rule.id for rule in RULES] + [rule.id for rule in VAULT_RULES]
    section = operations().section("Findings")
    assert first_words(section) == [*ids, RULE_FAILED]
    assert all(f"[`{name}`](rules.md#{name})" in section for name in ids)


def test_every_line_of_the_log_is_explained() -> None:
    """The events are those of the code, with their level."""
    told = {cells[0].strip("`"): cells[1] for cells in rows(operations().section("The log"))}
    assert told == logged()


def test_every_line_of_a_table_says_what_it_means() -> None:
    """No cell of these tables is empty."""
    for heading in ("Notices", "Codes of action-needed", "Reasons", "Findings", "The log", "When something is wrong"):
        assert all(all(cells) for cells in rows(operations().section(heading))), heading


def test_a_line_taken_away_would_be_seen() -> None:
    """Without its line a reason is missing."""
    whole = operations()
    line = next(line for line in whole.text.splitlines() if line.startswith("| `paced` |"))
    broken = Page(whole.path, whole.text.replace(line + "\n", ""))
    assert set(first_words(whole.section("Reasons"))) - set(first_words(broken.section("Reasons"))) == {"paced"}


def estimate(certificates: int, vaults: int) -> tuple[float, ...]:
    """Work out thirty days from the page's own costs of one each."""
    tables = [cells for cells in rows(operations().section("What it costs")) if len(cells) == 5]
    one = {cells[0]: [_number(cell, vaults) for cell in cells[1:]] for cells in tables}
    a_day = {
        "`find_due`, nothing due, V vaults": Fraction(1440),
        "a look that reads the vault and changes nothing": Fraction(certificates, 7),
        "a renewal by the vault, all its looks, one subscription": Fraction(certificates, 30),
        "a vault's walk in a sweep, without its pages": Fraction(vaults),
        "a page of 25 unchanged certificates": Fraction(certificates, 25),
        "a certificate on it that was renewed before and has one open finding": Fraction(certificates),
    }
    return tuple(float(30 * sum(times * one[what][i] for what, times in a_day.items())) for i in range(4))


def _number(cell: str, vaults: int) -> int:
    base, _, share = cell.removesuffix(" V").partition(" + ")
    return int(base.replace(",", "")) + (int(share) * vaults if share else 0)


@pytest.mark.parametrize(("certificates", "vaults"), [(100, 2), (1000, 5), (10000, 20)])
def test_the_estimate_follows_from_its_parts(certificates: int, vaults: int) -> None:
    """The sums for a fleet are those of the costs of one each, to two digits."""
    table = {cells[0]: cells[1:] for cells in rows(operations().section("What it costs"))}
    told = [_number(cell, vaults) for cell in table[f"{certificates:,} in {vaults}"]]
    worked_out = estimate(certificates, vaults)
    assert all(math.isclose(t, w, rel_tol=0.03) for t, w in zip(told, worked_out, strict=True)), worked_out
