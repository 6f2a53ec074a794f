"""The rules by operator."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from edgegen.errors import InternalError
from edgegen.frontends.onnx.general.writer import Writer
from edgegen.frontends.onnx.model import Node

if TYPE_CHECKING:
    from edgegen.frontends.onnx.lower.emitter import Emitter

Rule = Callable[[Writer], bool | None]
"""Writes operators for a node; False when the rule does not apply."""

_RULES: dict[str, Rule] = {}


def generally(*operators: str) -> Callable[[Rule], Rule]:
    """Registers a rule for operators."""

    def register(rule: Rule) -> Rule:
        for operator in operators:
            if operator in _RULES:
                raise InternalError(f"two general rules lower {operator}")
            _RULES[operator] = rule
        return rule

    return register


@functools.cache
def general_rules() -> Mapping[str, Rule]:
    """All rules, once every module of this folder is imported."""
    package = importlib.import_module(__package__ or "")
    for info in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{info.name}")
    return dict(_RULES)


def general_operators() -> tuple[str, ...]:
    """Operators that have a rule."""
    return tuple(sorted(general_rules()))


def lower_generally(emitter: Emitter, node: Node) -> bool:
    """Writes a node in general operators; False where there is no rule for it.

    Raises:
        UnsupportedError: the rule says why it cannot.
    """
    rule = general_rules().get(node.op) if not node.domain else None
    if rule is None:
        return False
    names = (*node.inputs, *node.outputs)
    if any(n and emitter.value(n).quant is not None for n in names):
        return False
    return rule(Writer(emitter, node)) is not False
