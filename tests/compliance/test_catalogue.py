"""The page of rules is what the table says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from perennial.compliance import RULES, VAULT_RULES
from perennial.compliance.catalogue import page
from perennial.compliance.rule import Rule

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"


def test_the_page_of_rules_is_not_stale() -> None:
    """docs/rules.md is the catalogue's output; else run `.venv/bin/python -m perennial.compliance.catalogue > docs/rules.md`."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_each_rule_is_on_the_page_with_source_and_fix() -> None:
    """Every rule says what it finds, who says so, and what to do."""
    text = page()
    entries: list[Rule[Any]] = [*RULES, *VAULT_RULES]
    for rule in entries:
        assert all((rule.title, rule.source, rule.fix, rule.check.__doc__)), rule.id
        assert f"### {rule.id}\n" in text
        assert rule.source in text


def test_each_rule_is_one_file_with_a_line_in_the_table() -> None:
    """No file of rules/ is forgotten, and none holds two rules."""
    folder = Path(__file__).parents[2] / "perennial" / "compliance" / "rules"
    assert len(list(folder.glob("[!_]*.py"))) == len(RULES) + len(VAULT_RULES)
