"""A float model and files of samples become an int8 .tflite file, with all that was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from edgegen.export.tflite import write
from edgegen.ir import Graph, QuantParams
from edgegen.quantise.measure import Measurement, deciding, mean_sqnr, measure
from edgegen.quantise.progress import Track, silent
from edgegen.quantise.quantise import Quantised, Quantiser, Settings, best_of
from edgegen.quantise.samples import Samples, load_samples
from edgegen.quantise.search import Attempt, search
from edgegen.quantise.sensitivity import Sensitivity, sensitivities

T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """What the user asks for.

    Attributes:
        calibration: file or folder of samples.
        labels: file of class numbers of the samples that are measured on.
        test: samples to measure on instead of the calibration samples.
        limit: at most so many calibration samples, spread evenly; None: all.
        integers: what integers in the files mean.
        settings: how to quantise.
        target: SQNR in dB that the deciding tensors must reach.
        sensitivity: whether to measure every layer alone.
    """

    calibration: Path
    labels: Path | None = None
    test: Path | None = None
    limit: int | None = None
    integers: QuantParams | None = None
    settings: Settings = field(default_factory=Settings)
    target: float | None = None
    sensitivity: bool = False


@dataclass(frozen=True)
class Narrow:
    """A network on int8 alone, to compare one with int16 with.

    Attributes:
        blob: its .tflite file.
        sqnr: of the deciding tensors, in dB.
    """

    blob: bytes = field(repr=False)
    sqnr: float


@dataclass(frozen=True)
class Outcome:
    """What quantisation gave.

    Attributes:
        made: the graphs.
        blob: the int8 .tflite file.
        measurement: the comparison of both graphs.
        samples: title of what was measured on.
        calibrated: number of samples that the ranges come from.
        sensitivities: the most harmful layers first; empty unless asked for.
        attempts: what the search for a target tried.
        narrow: the same recipe without int16, where there is some.
    """

    made: Quantised
    blob: bytes = field(repr=False)
    measurement: Measurement
    samples: str
    calibrated: int
    sensitivities: tuple[Sensitivity, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    narrow: Narrow | None = None

    @property
    def sqnr(self) -> float:
        """SQNR in dB of the deciding tensors."""
        return mean_sqnr(deciding(self.made.prepared), self.measurement)


def quantise_model(graph: Graph, request: Request, track: Track = silent) -> Outcome:
    """Quantises a float model as the user asks.

    Raises:
        EdgegenError: files cannot be used, an operator has no int8 form, or the target is missed.
    """
    calibration = load_samples(
        request.calibration,
        graph,
        request.integers,
        request.labels if request.test is None else None,
    )
    test = calibration
    if request.test is not None:
        test = load_samples(request.test, graph, request.integers, request.labels)
    chosen = spread(calibration.inputs, request.limit)
    quantiser = Quantiser(graph, chosen, request.settings.weights, track)
    made = best_of(quantiser, quantiser.recipes(request.settings), track)
    attempts: tuple[Attempt, ...] = ()
    if request.target is not None:
        made, attempts = search(quantiser, made, request.target, track)
    found = tuple(sensitivities(made, chosen, track)) if request.sensitivity else ()
    return Outcome(
        made,
        write(made.graph),
        _measured(made, test, track),
        test.title,
        len(chosen),
        found,
        attempts,
        _narrow(quantiser, made, test, track) if made.recipe.wide else None,
    )


def _narrow(quantiser: Quantiser, made: Quantised, test: Samples, track: Track) -> Narrow:
    plain = quantiser.make(replace(made.recipe, wide=frozenset()))
    found = _measured(plain, test, track)
    return Narrow(write(plain.graph), mean_sqnr(deciding(plain.prepared), found))


def _measured(made: Quantised, samples: Samples, track: Track) -> Measurement:
    return measure(made.prepared, made.graph, samples.inputs, samples.labels, track=track)


def spread(items: Sequence[T], limit: int | None) -> Sequence[T]:
    """At most `limit` items, evenly spread over all."""
    if limit is None or limit >= len(items):
        return items
    return [items[int(i)] for i in np.linspace(0, len(items) - 1, limit).round()]
