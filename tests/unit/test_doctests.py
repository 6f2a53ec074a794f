"""The examples in docstrings."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = (
    "edgegen.codegen.filters",
    "edgegen.codegen.names",
    "edgegen.frontends.tflite",
    "edgegen.ir.names",
    "edgegen.kernels.formats",
    "edgegen.kernels.gemm",
    "edgegen.report.tables",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
