"""The house's rules of shape, as functions from a source text to what is wrong with it."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

LONGEST_MODULE = 300
LONGEST_FUNCTION = 40
VAGUE = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "shared", "misc"})

# Azure's public, Chinese and US Government clouds name their hosts with these.
CLOUD_SUFFIXES = (
    "vault.azure.net",
    "vault.azure.cn",
    "core.windows.net",
    "core.chinacloudapi.cn",
    "usgovcloudapi",
    "eventgrid.azure",
    "microsoftonline",
)

# What a door may import: its trigger's types, and of the product the wiring and its workflow.
DOOR_IMPORTS = re.compile(
    r"(azure\.functions|perennial\.wiring|perennial\.workflows(\.\w+)*|__future__|typing|collections\.abc)"
)

CLOCKS_AND_DICE = re.compile(
    r"(datetime\.)?(datetime|date)\.(now|utcnow|today)"
    r"|time\.(time|time_ns|monotonic|monotonic_ns|perf_counter|perf_counter_ns|sleep|gmtime|localtime)"
    r"|random\.\w+|secrets\.(token_\w+|choice|randbelow|randbits|SystemRandom)"
    r"|uuid\.uuid[14]|os\.(urandom|environ|environb|getenv)"
)

UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|NotImplemented" + r"Error)\b")

# Written in two halves, so that this file does not break its own rule.
MACHINE = re.compile(
    r"(?<![\w.])/(wor" + r"k|tm" + r"p|roo" + r"t|opt/whe" + r"els)/|/Use" + r"rs/\w|/ho" + r"me/(?!site)\w"
    r"|\bsha" + r"red/(design|protocol|sketch|style|reference|recordings)"
    r"|pypi\." + r"org|python" + r"hosted|registry\." + r"npmjs|deb\.deb" + r"ian|proxy\.gol" + r"ang"
)
CITATION = re.compile(r"(?<![\w\])])\[[A-G]\d{1,2}([,–-] ?[A-G]?\d{1,2})*\](?![\w(])|\bissue #?[1-9]\b(?!\d)")

type Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules(*places: str) -> list[Path]:
    """List every module at or below these places of the repository."""
    found = [ROOT / place for place in places if (ROOT / place).is_file()]
    found += [path for place in places for path in (ROOT / place).rglob("*.py")]
    return sorted(path for path in found if "node_modules" not in path.parts)


def tracked() -> list[Path]:
    """List every file that git knows or would take, and that is there."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [path for name in names.split("\0") if name and (path := ROOT / name).is_file()]


def text_of(path: Path) -> str:
    """Read a file; what is not text is empty."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def full_doors(text: str) -> list[str]:
    """Name the functions whose body is more than one statement after the docstring."""
    bodies = ((f.name, f.body[1:] if ast.get_docstring(f) else f.body) for f in _functions(ast.parse(text)))
    return [f"{name}: {len(body)} statements" for name, body in bodies if len(body) != 1]


def doors_reach(text: str) -> list[str]:
    """Name the modules that a door imports and has no business with."""
    return [name for name in _imports(ast.parse(text)) if not DOOR_IMPORTS.fullmatch(name)]


def long_functions(text: str) -> list[str]:
    """Name the functions that are longer than the house allows, their docstrings not counted."""
    lengths = ((f.name, _length(f)) for f in _functions(ast.parse(text)))
    return [f"{name}: {length} lines" for name, length in lengths if length > LONGEST_FUNCTION]


def too_long(text: str) -> list[str]:
    """Tell the length of a module that has more lines than the house allows."""
    lines = len(text.splitlines())
    return [f"{lines} lines"] if lines > LONGEST_MODULE else []


def vague_names(path: Path) -> list[str]:
    """Name the parts of a module's path that say nothing about what is in it."""
    return [part for part in (*path.parts[:-1], path.stem) if part.lower() in VAGUE]


def cloud_suffixes(text: str) -> list[str]:
    """Quote the literals that hold a host suffix of an Azure cloud; docstrings may name one."""
    tree = ast.parse(text)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    literals = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    values = [str(node.value) for node in literals if id(node) not in docstrings]
    return [value for value in values if any(suffix in value.lower() for suffix in CLOUD_SUFFIXES)]


def clocks_and_dice(text: str) -> list[str]:
    """Name what reads a clock, throws dice or looks at the environment."""
    nodes = list(ast.walk(ast.parse(text)))
    names = [name for node in nodes if (name := _dotted(node))]
    names += [
        f"{node.module}.{alias.name}" for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
    ]
    return [name for name in names if CLOCKS_AND_DICE.fullmatch(name)]


def unfinished(text: str) -> list[str]:
    """Quote the marks of work that was put off."""
    return [match.group() for match in UNFINISHED.finditer(text)]


def machine_words(text: str) -> list[str]:
    """Quote paths of one machine and hosts of package registries."""
    return [match.group() for match in MACHINE.finditer(text)]


def private_citations(text: str) -> list[str]:
    """Quote references that only whoever wrote the text can follow."""
    return [match.group() for match in CITATION.finditer(text)]


def _functions(tree: ast.AST) -> Iterator[Function]:
    """Walk every function and method, at any depth."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _length(function: Function) -> int:
    """Count the lines from `def` to the end, less those of the docstring."""
    first = function.body[0]
    docstring = (first.end_lineno or 0) - first.lineno + 1 if ast.get_docstring(function) else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def _imports(tree: ast.AST) -> Iterator[str]:
    """Name the modules that are imported; `from perennial import x` counts as perennial.x."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            joined = (f"{module}.{alias.name}" for alias in node.names)
            yield from joined if module in {"azure", "perennial"} else [module]


def _dotted(node: ast.AST) -> str | None:
    """Spell an expression that is a dotted name."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            start = _dotted(value)
            return f"{start}.{attribute}" if start else None
    return None
