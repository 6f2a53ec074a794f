"""The account of a quantisation as plain data, for text, HTML and JSON alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from edgegen.ir import DType, Graph, Op
from edgegen.ir.names import short_name
from edgegen.passes.removed import removed
from edgegen.quantise.layers import along, channel_axis
from edgegen.quantise.measure import deciding
from edgegen.quantise.model import Outcome
from edgegen.quantise.observers import real_range


@dataclass(frozen=True)
class WeightRow:
    """A layer's weights.

    Attributes:
        sqnr: of their real values, in dB; None for weights of nothing but zeros.
        count: number of weights.
        zeros: how many of them are 0.
    """

    sqnr: float | None
    count: int
    zeros: int


@dataclass(frozen=True)
class LayerRow:
    """One activation: a graph input, or what an operator computes.

    Attributes:
        index: position of the operator in the model; None for a graph input.
        op: the operator's name; `input` for a graph input.
        tensor: the tensor's full name.
        shape: its shape.
        sqnr: of the whole network so far against float, in dB; None for infinite.
        clipped: share of float values more than half a step outside the represented range.
        observed: lowest and highest float value.
        represented: lowest and highest value of the integers.
        scale: real value of one step.
        zero_point: the integer that stands for 0.
        weights: the operator's weights, if it has some.
        alone: SQNR in dB of the network with only this operator on int8; None if not measured.
        removed_channels: output channels that the weights prove constant, or that nobody reads.
        fixed: whether the operator itself determines scale and zero point.
        dtype: the element type, int8 or int16.
    """

    index: int | None
    op: str
    tensor: str
    shape: tuple[int, ...]
    sqnr: float | None
    clipped: float
    observed: tuple[float, float]
    represented: tuple[float, float]
    scale: float
    zero_point: int
    weights: WeightRow | None = None
    alone: float | None = None
    removed_channels: int = 0
    fixed: bool = False
    dtype: str = "int8"

    @property
    def label(self) -> str:
        """The tensor's name for people."""
        return short_name(self.tensor)


@dataclass(frozen=True)
class Sparsity:
    """How much of the int8 model does nothing, and what removing it saves in a build.

    Attributes:
        weights: number of int8 weights.
        zeros: how many of them are 0.
        channels: output channels of all weighted layers.
        removed_channels: channels that exact rewriting removes.
        macs: multiply-accumulates of one inference.
        removed_macs: how many of them exact rewriting saves.
        constants: bytes of weights and biases.
        removed_constants: how many of them it saves.
    """

    weights: int
    zeros: int
    channels: int
    removed_channels: int
    macs: int
    removed_macs: int
    constants: int
    removed_constants: int


@dataclass(frozen=True)
class Expense:
    """What a build of a model takes on a Cortex-M4.

    Attributes:
        cycles: predicted for one inference, zero wait states.
        arena: bytes of RAM.
        constants: bytes of flash.
    """

    cycles: int
    arena: int
    constants: int


@dataclass(frozen=True)
class Mixed:
    """What int16 gives and what it costs.

    Attributes:
        operators: number of operators on int16.
        sqnr: of the same network on int8 alone, in dB.
        without: what that takes.
        taken: what this network takes.
    """

    operators: int
    sqnr: float | None
    without: Expense
    taken: Expense


@dataclass(frozen=True)
class QuantisationReport:
    """All that is known of a quantised model.

    Attributes:
        name: the model's.
        recipe: how it was quantised.
        trials: SQNR in dB of every recipe that was tried.
        calibrated: number of samples that ranges come from.
        measured: number of samples that errors were measured on.
        samples: where the latter are from.
        deciding: tensors that the SQNR is of.
        sqnr: in dB; None for infinite.
        outputs: SQNR of every graph output, in dB.
        agreement: share of samples whose largest output is the same as in float.
        accuracy: share whose largest output is the label, in float and on int8.
        file_bytes: size of the float and of the int8 model file.
        rows: graph inputs and operators, in execution order.
        sparsity: zeros and dead parts.
        mixed: what int16 gives and costs; None without it.
        attempts: what the search for a target tried: tensor, change, SQNR in dB, whether kept.
    """

    name: str
    recipe: str
    trials: tuple[tuple[str, float], ...]
    calibrated: int
    measured: int
    samples: str
    deciding: tuple[str, ...]
    sqnr: float | None
    outputs: tuple[tuple[str, float | None], ...]
    agreement: float | None
    accuracy: tuple[float, float] | None
    file_bytes: tuple[int, int]
    rows: tuple[LayerRow, ...]
    sparsity: Sparsity
    mixed: Mixed | None = None
    attempts: tuple[tuple[str, str, float, bool], ...] = ()

    def worst(self) -> tuple[LayerRow, ...]:
        """The layers that hurt most where that was measured, else those with the lowest SQNR."""
        by_alone = [r for r in self.rows if r.alone is not None]
        key = (lambda r: r.alone) if by_alone else (lambda r: np.inf if r.sqnr is None else r.sqnr)
        return tuple(sorted(by_alone or self.rows, key=key))

    def as_json(self) -> dict[str, Any]:
        """The report as plain data."""
        return {"schema": 1, **asdict(self)}


def quantisation_report(
    name: str,
    outcome: Outcome,
    optimised: Graph,
    float_bytes: int,
    expense: Callable[[bytes], Expense] | None = None,
) -> QuantisationReport:
    """Collects the report.

    Args:
        name: the model's.
        outcome: what quantisation gave.
        optimised: the int8 graph after all exact passes, as a build would have it.
        float_bytes: size of the float model file.
        expense: what a build of a model file takes; needed where there is int16.
    """
    made, found = outcome.made, outcome.measurement
    errors = found.errors
    return QuantisationReport(
        name=name,
        recipe=str(made.recipe),
        trials=tuple((str(r), v) for r, v in made.trials.items()),
        calibrated=outcome.calibrated,
        measured=found.samples,
        samples=outcome.samples,
        deciding=deciding(made.prepared),
        sqnr=_finite(outcome.sqnr),
        outputs=tuple((n, _finite(errors[n].sqnr)) for n in made.source.outputs if n in errors),
        agreement=found.agreement,
        accuracy=found.accuracy,
        file_bytes=(float_bytes, len(outcome.blob)),
        rows=_rows(outcome, _removed_channels(made.graph, optimised)),
        sparsity=sparsity(made.graph, optimised),
        mixed=None if expense is None else _mixed(outcome, expense),
        attempts=tuple((a.tensor, a.observer, a.sqnr, a.kept) for a in outcome.attempts),
    )


def _mixed(outcome: Outcome, expense: Callable[[bytes], Expense]) -> Mixed | None:
    if outcome.narrow is None:
        return None
    return Mixed(
        len(outcome.made.recipe.wide),
        _finite(outcome.narrow.sqnr),
        expense(outcome.narrow.blob),
        expense(outcome.blob),
    )


def sparsity(graph: Graph, optimised: Graph) -> Sparsity:
    """Counts zeros and what exact rewriting removed.

    Args:
        graph: an int8 graph.
        optimised: the same after all passes.
    """
    weights = [w for op in graph.ops if (w := _weights(op, graph)) is not None]
    gone = _removed_channels(graph, optimised)
    return Sparsity(
        weights=sum(w.size for w in weights),
        zeros=sum(int(np.count_nonzero(w == 0)) for w in weights),
        channels=sum(
            graph.io(op).output.type.shape[-1]
            for op in graph.ops
            if channel_axis(op, graph) is not None
        ),
        removed_channels=sum(
            gone.get(op.outputs[0], 0) for op in graph.ops if channel_axis(op, graph) is not None
        ),
        macs=graph.macs,
        removed_macs=graph.macs - optimised.macs,
        constants=_constant_bytes(graph),
        removed_constants=_constant_bytes(graph) - _constant_bytes(optimised),
    )


def _rows(outcome: Outcome, gone: Mapping[str, int]) -> tuple[LayerRow, ...]:
    made = outcome.made
    writers = {name: op for op in made.prepared.ops for name in op.outputs}
    alone = {s.output: s.sqnr for s in outcome.sensitivities}
    rows = []
    for name, error in outcome.measurement.errors.items():
        quant = made.graph.tensor(name).type.quant
        op = writers.get(name)
        if quant is None:
            continue
        rows.append(
            LayerRow(
                index=None if op is None else op.origin.index,
                op="input" if op is None else op.origin.type,
                tensor=name,
                shape=made.graph.tensor(name).type.shape,
                sqnr=_finite(error.sqnr),
                clipped=error.clipped_share,
                observed=(error.low, error.high),
                represented=real_range(quant, made.graph.tensor(name).type.dtype),
                dtype=made.graph.tensor(name).type.dtype.value,
                scale=quant.scale,
                zero_point=quant.zero_point,
                weights=None if op is None else _weight_row(outcome, op),
                alone=alone.get(name),
                removed_channels=gone.get(name, 0),
                fixed=op is not None and op.int8_form(made.prepared.io(op)).output is not None,
            )
        )
    return tuple(rows)


def _weight_row(outcome: Outcome, op: Op) -> WeightRow | None:
    """Compares a layer's weights with their integer images."""
    prepared, graph = outcome.made.prepared, outcome.made.graph
    axis = channel_axis(op, prepared)
    twin = next(o for o in graph.ops if o.outputs == op.outputs)
    image = _weights(twin, graph)
    if axis is None or image is None:
        return None
    real = prepared.io(op).input(1).values.astype(np.float64)
    quant = graph.io(twin).input(1).type.quant
    assert quant is not None
    scales = np.broadcast_to(quant.scales, (real.shape[axis],))
    noise = float(np.sum((real - image * along(scales, axis, real.ndim)) ** 2))
    signal = float(np.sum(real * real))
    sqnr = 10 * float(np.log10(signal / noise)) if signal and noise else None
    return WeightRow(sqnr, image.size, int(np.count_nonzero(image == 0)))


def _weights(op: Op, graph: Graph) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """A layer's integer weights, as float64."""
    if channel_axis(op, graph) is None:
        return None
    tensor = graph.io(op).input(1)
    return tensor.values.astype(np.float64) if tensor.type.dtype is DType.INT8 else None


def _removed_channels(graph: Graph, optimised: Graph) -> dict[str, int]:
    return {
        item.output: item.before.channels - item.after.channels
        for item in removed(graph, optimised)
    }


def _constant_bytes(graph: Graph) -> int:
    names = {n for op in graph.ops for n in op.inputs if n is not None}
    return sum(graph.tensor(n).type.bytes for n in names if graph.tensor(n).data is not None)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
