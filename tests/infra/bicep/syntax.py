"""What a Bicep file consists of, in the subset that infra/ keeps to."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a boolean, null, or a text without holes."""

    value: object


@dataclass(frozen=True, slots=True)
class Text:
    """A text with holes: literal parts and expressions, in their order."""

    parts: tuple[str | Expr, ...]


@dataclass(frozen=True, slots=True)
class Name:
    """A parameter, variable, resource, module, or what a loop or lambda binds."""

    id: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function by its name."""

    function: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an object; safe: null where there is none."""

    of: Expr
    name: str
    safe: bool = False


@dataclass(frozen=True, slots=True)
class Index:
    """An item of an array or a member of an object by a computed name; safe: null where there is none."""

    of: Expr
    at: Expr
    safe: bool = False


@dataclass(frozen=True, slots=True)
class Nested:
    """A resource that is declared inside another."""

    of: Expr
    name: str


@dataclass(frozen=True, slots=True)
class Operation:
    """A unary operator with one operand, or a binary one with two; `!.` is the promise that something is not null."""

    sign: str
    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Ternary:
    """A choice."""

    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True)
class ArrayOf:
    """An array literal."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class ObjectOf:
    """An object literal, and the resources that are declared inside it."""

    members: tuple[tuple[Expr, Expr], ...]
    nested: tuple[Resource, ...] = ()


@dataclass(frozen=True, slots=True)
class If:
    """A resource or module under a condition."""

    condition: Expr
    body: Expr


@dataclass(frozen=True, slots=True)
class For:
    """A loop."""

    item: str
    index: str
    over: Expr
    body: Expr


@dataclass(frozen=True, slots=True)
class Lambda:
    """An anonymous function."""

    names: tuple[str, ...]
    body: Expr


type Expr = (
    Literal
    | Text
    | Name
    | Call
    | Member
    | Index
    | Nested
    | Operation
    | Ternary
    | ArrayOf
    | ObjectOf
    | If
    | For
    | Lambda
)


@dataclass(frozen=True, slots=True)
class Decorator:
    """What stands before a declaration, with an @."""

    name: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a file, or a member of a type."""

    name: str
    type: str  # as written
    default: Expr | None = None
    decorators: tuple[Decorator, ...] = ()

    @property
    def described(self) -> str:
        """Its description."""
        found = [one.args[0] for one in self.decorators if one.name == "description"]
        return str(found[0].value) if found and isinstance(found[0], Literal) else ""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that is made, or with `existing` looked up."""

    symbol: str
    type: str  # with its version
    body: Expr
    existing: bool = False


@dataclass(frozen=True, slots=True)
class Module:
    """Another file, deployed with parameters."""

    symbol: str
    path: str
    body: Expr


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the file's own."""

    names: tuple[str, ...]
    body: Expr


@dataclass(slots=True)
class File:
    """A parsed file."""

    scope: str = "resourceGroup"
    parameters: dict[str, Parameter] = field(default_factory=dict)
    variables: dict[str, Expr] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    modules: dict[str, Module] = field(default_factory=dict)
    outputs: dict[str, Expr] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    types: dict[str, tuple[Parameter, ...]] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)  # what is imported → from which file
