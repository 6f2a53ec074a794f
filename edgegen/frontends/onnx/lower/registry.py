"""The rules by operator."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from edgegen.errors import InternalError
from edgegen.frontends.onnx.model import Node

if TYPE_CHECKING:
    from edgegen.frontends.onnx.lower.emitter import Emitter

Rule = Callable[["Emitter", Node], bool | None]
"""Emits operators for a node; False when the rule does not apply."""

_RULES: dict[str, Rule] = {}


def lowers(*operators: str) -> Callable[[Rule], Rule]:
    """Registers a rule for operators."""

    def register(rule: Rule) -> Rule:
        for operator in operators:
            if operator in _RULES:
                raise InternalError(f"two rules lower {operator}")
            _RULES[operator] = rule
        return rule

    return register


@functools.cache
def rules() -> Mapping[str, Rule]:
    """All rules, once every module of this folder is imported."""
    package = importlib.import_module(__package__ or "")
    for info in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{info.name}")
    return dict(_RULES)


def lowered_operators() -> tuple[str, ...]:
    """Operators that have a rule."""
    return tuple(sorted(rules()))
