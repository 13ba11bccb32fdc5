"""Route templates as ASP.NET Core reads them."""

from __future__ import annotations

import pytest

from localazure.host.routes import BadRoute, parse_route


@pytest.mark.parametrize(
    ("template", "path", "parameters"),
    [
        ("health", "health", {}),
        ("health", "HEALTH/", {}),
        ("health", "healthy", None),
        ("c/{vault}/{name}", "c/kv-1/a%2Fb", {"vault": "kv-1", "name": "a/b"}),
        ("c/{vault}/{name}", "c/kv-1", None),
        ("c/{vault}/{name}", "c//x", None),
        ("s/{name?}", "s", {}),
        ("s/{name?}", "s/x", {"name": "x"}),
        ("s/{name?}", "s/x/y", None),
        ("s/{name=all}", "s", {"name": "all"}),
        ("n/{id:int}", "n/-12", {"id": "-12"}),
        ("n/{id:int}", "n/12a", None),
        ("n/{id:int}", "n/99999999999", None),
        ("n/{id:long}", "n/99999999999", {"id": "99999999999"}),
        ("n/{id:guid}", "n/0b8c7f5e-5a4b-4b6e-9c5d-000000000001", {"id": "0b8c7f5e-5a4b-4b6e-9c5d-000000000001"}),
        ("n/{id:guid?}", "n", {}),
        ("f/{*rest}", "f/a/b", {"rest": "a/b"}),
        ("f/{*rest}", "f", {"rest": ""}),
        ("", "", {}),
        ("{x}", "", None),
    ],
)
def test_a_path_fits_or_not(template: str, path: str, parameters: dict[str, str] | None) -> None:
    """The parameters are decoded; None means that the template does not take the path."""
    assert parse_route(template).match(path) == parameters


def test_literal_templates_come_first() -> None:
    """Literals before constrained parameters, those before free ones, and the rest of the path last."""
    templates = ["{*rest}", "c/{vault}/{name?}", "c/{vault}", "c/{id:int}", "c/fixed", "c/{vault}/history"]
    ordered = sorted((parse_route(template) for template in templates), key=lambda route: route.precedence())
    assert [route.template for route in ordered] == [
        "c/fixed",
        "c/{id:int}",
        "c/{vault}",
        "c/{vault}/history",
        "c/{vault}/{name?}",
        "{*rest}",
    ]


@pytest.mark.parametrize("template", ["a{x}", "{x:regex(a)}", "{x:datetime}", "{*rest}/x", "{x?}/y", "{x", "{x}.{y}"])
def test_a_template_that_is_refused(template: str) -> None:
    """What this host would read otherwise than Azure is not read at all."""
    with pytest.raises(BadRoute, match="route"):
        parse_route(template)
