"""Bias correction: the mean error that quantisation gives each channel goes into its bias.

Source: M. Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction,
ICCV 2019, the empirical variant: layer by layer, on samples, with all earlier layers quantised and
corrected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from edgegen.ir import DType, Graph, Op
from edgegen.ir.types import Array
from edgegen.quantise.fuse import Activated
from edgegen.quantise.layers import (
    Float64,
    along,
    channel_axis,
    dequantised,
    quantised,
    uses,
)
from edgegen.quantise.observe import Sample
from edgegen.quantise.progress import Track, silent
from edgegen.quantise.run import outputs
from edgegen.quantise.weights import whole_bias

Values = dict[str, Array]


def correct_biases(
    source: Graph, graph: Graph, samples: Sequence[Sample], track: Track = silent
) -> Graph:
    """The int8 graph with corrected biases.

    Args:
        source: the float graph that was converted.
        graph: the int8 graph, its tensors named as in `source`.
        samples: float inputs.
        track: shows progress.
    """
    real: list[Values] = [dict(s) for s in samples]
    integer: list[Values] = [_quantised_inputs(graph, s) for s in samples]
    twins = {op.outputs[0]: op for op in source.ops}
    tensors = dict(graph.tensors)
    last_reads = [_last_reads(g) for g in (source, graph)]
    for op in track(graph.ops, "correcting biases"):
        twin = twins.get(op.outputs[0])
        if twin is not None:
            bias = _correction(source, twin, graph, op, real, integer)
            if bias is not None:
                name = op.inputs[2]
                assert name is not None
                tensors[name] = replace(tensors[name], data=bias)
                graph = replace(graph, tensors=tensors)
            _advance(source, twin, real, last_reads[0])
        _advance(graph, op, integer, last_reads[1])
    return graph


def _last_reads(graph: Graph) -> dict[str, str]:
    """For each tensor the output of the last operator that reads it."""
    readers = uses(graph).readers
    return {name: graph.ops[max(indices)].outputs[0] for name, indices in readers.items()}


def _quantised_inputs(graph: Graph, sample: Sample) -> Values:
    values: Values = {}
    for name, array in sample.items():
        kind = graph.tensor(name).type
        values[name] = array if kind.quant is None else quantised(array, kind.quant, kind.dtype)
    return values


def _advance(graph: Graph, op: Op, runs: list[Values], last_reads: Mapping[str, str]) -> None:
    """Adds an operator's outputs to every run, and drops what nobody reads any more."""
    for values in runs:
        values.update(zip(op.outputs, outputs(graph, op, values), strict=True))
        for name in op.inputs:
            if name is not None and last_reads[name] == op.outputs[0]:
                values.pop(name, None)


def _correction(
    source: Graph, twin: Op, graph: Graph, op: Op, real: list[Values], integer: list[Values]
) -> Array | None:
    """The corrected bias of a weighted layer; None for any other operator."""
    axis = channel_axis(op, graph)
    if axis is None or not isinstance(twin, Activated) or len(op.inputs) < 3:
        return None
    io = graph.io(op)
    weights, bias = io.input(1), io.input(2)
    quant, bias_quant = weights.type.quant, bias.type.quant
    input_quant = io.input(0).type.quant
    if quant is None or bias_quant is None or input_quant is None:
        return None
    scales = np.broadcast_to(quant.scales, (bias.type.elements,))
    steps = np.broadcast_to(bias_quant.scales, (bias.type.elements,))
    constants = {
        1: np.asarray(
            weights.values.astype(np.float64) * along(scales, axis, weights.values.ndim),
            np.float32,
        ),
        2: np.asarray(bias.values.astype(np.float64) * steps, np.float32),
    }
    linear = replace(twin, activation="NONE")
    # The layer may read a converted copy of what the float layer reads.
    name, source_name = twin.inputs[0], op.inputs[0]
    assert name is not None
    assert source_name is not None
    errors = []
    for a, b in zip(real, integer, strict=True):
        image = {name: dequantised(b[source_name], input_quant)}
        changed = outputs(source, linear, image, constants)[0]
        errors.append(_mean(outputs(source, linear, a)[0]) - _mean(changed))
    corrected = bias.values.astype(np.float64) + np.round(np.mean(errors, axis=0) / steps)
    return whole_bias(corrected, wide=bias.type.dtype is DType.INT64)


def _mean(values: Array) -> Float64:
    """The mean of each channel, the last dimension."""
    return np.asarray(values.reshape(-1, values.shape[-1]).mean(axis=0, dtype=np.float64))
