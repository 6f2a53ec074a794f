"""Operators: one module each, found by listing this folder."""

from edgegen.ops.registry import operator_for, operators, supported_sources

__all__ = ["operator_for", "operators", "supported_sources"]
