"""Kernels: one folder an operator, one module a variant, found by listing the folders."""

from edgegen.kernels.base import Constant, ConstantKind, Cost, Kernel, Packed
from edgegen.kernels.order import AccessOrder

__all__ = ["AccessOrder", "Constant", "ConstantKind", "Cost", "Kernel", "Packed"]
