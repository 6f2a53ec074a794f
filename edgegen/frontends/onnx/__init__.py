"""Reads .onnx files into a neutral `RawGraph`.

The stages, in order: `load` (bytes to a checked protobuf), `settle` (shapes known, constants
computed, QOperator nodes in QDQ form), `fuse` (batch normalisation and activations into their
producers, exporters' patterns), `quantised` (QuantizeLinear and DequantizeLinear become types of
tensors), `lower` (operators in the IR's terms, channels last).

The package `onnx` is imported by `load` and `settle` only, when a model is read.
"""

from edgegen.frontends.onnx.load import embed
from edgegen.frontends.onnx.read import LAYOUTS, OnnxOptions, is_onnx, read

__all__ = ["LAYOUTS", "OnnxOptions", "embed", "is_onnx", "read"]
