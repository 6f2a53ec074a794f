"""The rules by operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from edgegen.frontends.onnx.general.writer import Writer
from edgegen.frontends.onnx.model import Node
from edgegen.frontends.onnx.rule_table import RuleTable

if TYPE_CHECKING:
    from edgegen.frontends.onnx.lower.emitter import Emitter

Rule = Callable[[Writer], bool | None]
"""Writes operators for a node; False when the rule does not apply."""

generally: RuleTable[Rule] = RuleTable(__package__ or "")
"""Registers a rule for operators."""


def general_operators() -> tuple[str, ...]:
    """Operators that have a rule."""
    return generally.operators()


def lower_generally(emitter: Emitter, node: Node) -> bool:
    """Writes a node in general operators; False where there is no rule for it.

    Raises:
        UnsupportedError: the rule says why it cannot.
    """
    rule = generally.rules().get(node.op) if not node.domain else None
    if rule is None:
        return False
    names = (*node.inputs, *node.outputs)
    if any(n and emitter.value(n).quant is not None for n in names):
        return False
    return rule(Writer(emitter, node)) is not False
