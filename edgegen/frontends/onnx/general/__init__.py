"""ONNX operators of any rank, type and layout in the IR's general operators.

The general operators (POINTWISE, REDUCTION, REARRANGE, CONTRACTION, ...) take a tensor in the order
that the model has it. They serve what `lower` has no rule for: operators, ranks and element types
that TFLite does not have. They know nothing of quantisation.
"""

from edgegen.frontends.onnx.general.registry import general_operators, lower_generally

__all__ = ["general_operators", "lower_generally"]
