"""ONNX operators in the IR's terms: one rule an operator, found by listing this folder.

Rules write convolutions, pools and resizes channels last, between TRANSPOSE operators that the
layout pass removes. What has no rule goes on under its ONNX name, for operators of the IR that
claim it.
"""

from edgegen.frontends.onnx.lower.emitter import Emitter, lower
from edgegen.frontends.onnx.lower.registry import lowered_operators

__all__ = ["Emitter", "lower", "lowered_operators"]
