"""Discovers the operators: every concrete `Op` subclass in a module of this folder."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil

from edgegen.errors import InternalError
from edgegen.ir import Op


@functools.cache
def operators() -> tuple[type[Op], ...]:
    """All operator classes, ordered by stem."""
    import edgegen.ops as package

    found: dict[str, type[Op]] = {}
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        for _, cls in inspect.getmembers(module, inspect.isclass):
            local = cls.__module__ == module.__name__
            # A class without a stem is the base of several operators.
            concrete = not inspect.isabstract(cls) and hasattr(cls, "stem")
            if not (local and issubclass(cls, Op) and concrete):
                continue
            if found.setdefault(cls.stem, cls) is not cls:
                raise InternalError(f"two operators are called {cls.stem!r}")
    return tuple(found[stem] for stem in sorted(found))


@functools.cache
def _by_source() -> dict[str, type[Op]]:
    table: dict[str, type[Op]] = {}
    for cls in operators():
        for source in cls.sources:
            if table.setdefault(source, cls) is not cls:
                raise InternalError(f"two operators claim {source}")
    return table


def operator_for(source: str) -> type[Op] | None:
    """The class that parses a format's operator, or None."""
    return _by_source().get(source)


def supported_sources() -> tuple[str, ...]:
    """Names of all operators that can be parsed."""
    return tuple(sorted(_by_source()))
