"""Modules that are executed when something of theirs is first used, so that a cold start pays for what it wakes for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import LazyLoader, find_spec, module_from_spec
from types import ModuleType


def modules_of(package: str) -> Callable[[str], ModuleType]:
    """Return a package's `__getattr__`, by which `from package import module` finds a module but does not execute it yet.

    Indexing this app needs the doors' signatures and none of the workflows behind them. The library's LazyLoader executes a module once,
    under a lock, at the first look at an attribute; `from package.module import name` executes it at once, as ever.
    """

    def found(name: str) -> ModuleType:
        path = f"{package}.{name}"
        if path not in sys.modules:
            sys.modules[path] = _unexecuted(path)
        # As an import does; and with it none of the next ones asks here again.
        setattr(sys.modules[package], name, sys.modules[path])
        return sys.modules[path]

    return found


def _unexecuted(path: str) -> ModuleType:
    spec = find_spec(path)
    if spec is None or spec.loader is None:
        package, _, name = path.rpartition(".")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    spec.loader = LazyLoader(spec.loader)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
