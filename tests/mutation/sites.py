"""Where a module can be changed in one small way, and how: a comparison turned, a condition dropped, an effect left out.

Prose (a string with a space in it), docstrings and annotations stay as they are: no promise depends on their letters, or the type checker sees it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

TURNED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
EXCHANGED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
}
RENAMED = {"min": "max", "max": "min", "any": "all", "all": "any"}

type Put = Callable[[ast.AST], None]


@dataclass(frozen=True, slots=True)
class Site:
    """One way to change one place of a tree; `apply` changes that tree."""

    function: str  # its dotted name; empty: outside of every function
    line: int
    end: int
    change: str
    apply: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Place:
    """A node with the statement and function that it is in, and how to put another into its place."""

    node: ast.AST
    function: str
    statement: ast.stmt
    inside: bool  # of a function, not only of a class
    put: Put


def sites(tree: ast.Module) -> Iterator[Site]:
    """Yield every place of a module, in one order for one source."""
    for place in _places(tree, "", None, inside=False):
        if place.inside or not isinstance(place.node, ast.Constant) or not isinstance(place.node.value, str):
            yield from _changes(place)  # a name in a table or an enumeration is the same name for all who use it


def _places(parent: ast.AST, function: str, statement: ast.stmt | None, *, inside: bool) -> Iterator[Place]:
    """Yield the nodes below a node, but no docstring, no annotation, no import and no decorator."""
    for name, value in ast.iter_fields(parent):
        if name in {"annotation", "returns", "decorator_list", "type_params", "bases", "format_spec"}:
            continue
        here, within = function, inside
        if name == "body" and isinstance(parent, ast.FunctionDef | ast.ClassDef):
            here = f"{function}.{parent.name}".lstrip(".")
            within = inside or isinstance(parent, ast.FunctionDef)
        for index, node in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(node, ast.AST) or _left_alone(node):
                continue
            held = node if isinstance(node, ast.stmt) else statement
            put = _setter(parent, name, index if isinstance(value, list) else None)
            if held is not None:
                yield Place(node, here, held, within, put)
            yield from _places(node, here, held, inside=within)


def _setter(parent: ast.AST, name: str, index: int | None) -> Put:
    def put(node: ast.AST) -> None:
        if index is None:
            setattr(parent, name, node)
        else:
            getattr(parent, name)[index] = node

    return put


def _left_alone(node: ast.AST) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom | ast.TypeAlias):
        return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _changes(place: Place) -> Iterator[Site]:
    node = place.node
    last = getattr(node, "end_lineno", None) or place.statement.lineno
    for made in _others(node):
        before, after = (ast.unparse(one).split("\n")[0] for one in (node, made))
        apply = partial(place.put, ast.copy_location(made, node))
        yield Site(place.function, place.statement.lineno, last, f"{before} → {after}", apply)


def _others(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what may stand in a node's place."""
    match node:
        case ast.expr():
            yield from _other_expressions(node)
        case ast.stmt():
            yield from _other_statements(node)


def _other_expressions(node: ast.expr) -> Iterator[ast.AST]:
    match node:
        case ast.Compare() | ast.BoolOp() | ast.UnaryOp() | ast.IfExp():
            yield from _other_conditions(node)
        case ast.BinOp(left, operator, right) if type(operator) in EXCHANGED:
            yield ast.BinOp(left, EXCHANGED[type(operator)](), right)
        case ast.Constant():
            yield from _other_constants(node)
        case ast.Call():
            yield from _other_calls(node)
        case ast.Tuple(elements, ast.Load()) if len(elements) > 2:
            yield from (ast.Tuple(_without(elements, index), ast.Load()) for index in range(len(elements)))
        case ast.Set(elements) if len(elements) > 2:
            yield from (ast.Set(_without(elements, index)) for index in range(len(elements)))


def _other_conditions(node: ast.expr) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(left, [compared], [right]):
            for turned in TURNED[type(compared)]:
                yield ast.Compare(left, [turned()], [right])
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
            for index in range(len(values)):
                rest = _without(values, index)
                yield rest[0] if len(rest) == 1 else ast.BoolOp(operator, rest)
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            yield operand
        case ast.IfExp(_, body, orelse):
            yield body
            yield orelse


def _without(elements: list[ast.expr], index: int) -> list[ast.expr]:
    return elements[:index] + elements[index + 1 :]


def _other_constants(node: ast.Constant) -> Iterator[ast.AST]:
    match node.value:
        case bool() as truth:
            yield ast.Constant(not truth)
        case int() | float() as number:
            yield ast.Constant(number + 1)
        case str() as text if text and " " not in text:
            yield ast.Constant(f"{text}-x")


def _other_calls(node: ast.Call) -> Iterator[ast.AST]:
    if isinstance(node.func, ast.Name) and node.func.id in RENAMED:
        yield ast.Call(ast.Name(RENAMED[node.func.id], ast.Load()), node.args, node.keywords)
    for index, keyword in enumerate(node.keywords):
        if keyword.arg is not None:
            yield ast.Call(node.func, node.args, node.keywords[:index] + node.keywords[index + 1 :])


def _other_statements(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.If(test, body, orelse):
            plain = not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp)
            if plain:
                yield ast.If(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.Return(ast.expr() as value) if not isinstance(value, ast.Constant):
            yield ast.Return(ast.Constant(None))
        case ast.Expr(ast.Call()) | ast.Raise():
            yield ast.Pass()
        case ast.Continue():
            yield ast.Break()
        case ast.Break():
            yield ast.Continue()
