"""The intermediate representation: immutable graphs of typed tensors and operators."""

from edgegen.ir.graph import Graph, Op, OpIO, Origin
from edgegen.ir.types import DType, QuantParams, Tensor, TensorKind, TensorType

__all__ = [
    "DType",
    "Graph",
    "Op",
    "OpIO",
    "Origin",
    "QuantParams",
    "Tensor",
    "TensorKind",
    "TensorType",
]
