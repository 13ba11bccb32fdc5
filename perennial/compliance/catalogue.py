"""The rules as a page for people: docs/rules.md is this module's output (`python -m perennial.compliance.catalogue > docs/rules.md`)."""

from __future__ import annotations

from perennial.compliance import RULES, VAULT_RULES
from perennial.compliance.engine import FAILED_FIX, RULE_FAILED
from perennial.compliance.rule import Rule

HEAD = """# Compliance rules

Generated from the tables in `perennial/compliance/__init__.py`. A rule that fails by its own fault is reported as `{failed}`: {fix}
Where a severity says *by case*, the rule grades each finding, most often by the share of the lifetime that is left.
"""


def page() -> str:
    """Return the whole page."""
    parts = [HEAD.format(failed=RULE_FAILED, fix=FAILED_FIX)]
    parts += ["## Of a certificate\n", *map(_entry, RULES), "## Of a vault\n", *map(_entry, VAULT_RULES)]
    return "\n".join(parts)


def _entry[S](rule: Rule[S]) -> str:
    by_case = ", by case" if rule.grade is not None else ""
    what = (rule.check.__doc__ or "").strip()
    return (
        f"### {rule.id}\n\n{rule.title}. Severity: {rule.severity.name.lower()}{by_case}.\n\n"
        f"- **What:** {what}\n- **Fix:** {rule.fix}\n- **Source:** {rule.source} ({rule.since:%Y-%m-%d})\n"
    )


if __name__ == "__main__":
    print(page(), end="")
