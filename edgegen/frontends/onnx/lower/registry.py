"""The rules by operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from edgegen.frontends.onnx.model import Node
from edgegen.frontends.onnx.rule_table import RuleTable

if TYPE_CHECKING:
    from edgegen.frontends.onnx.lower.emitter import Emitter

Rule = Callable[["Emitter", Node], bool | None]
"""Emits operators for a node; False when the rule does not apply."""

lowers: RuleTable[Rule] = RuleTable(__package__ or "")
"""Registers a rule for operators."""


def rules() -> Mapping[str, Rule]:
    """All rules."""
    return lowers.rules()


def lowered_operators() -> tuple[str, ...]:
    """Operators that have a rule."""
    return lowers.operators()
