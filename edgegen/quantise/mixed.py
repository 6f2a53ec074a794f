"""Mixed precision: which layers to move to int16, for the least of cycles and RAM.

Each layer's noise is measured alone, on int8 and on int16, in a network that is float otherwise;
weights stay int8, so that some noise remains. Noise of different layers adds up nearly, so that
sums of it say which layers to move first; trials of whole networks decide.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgegen.ir import Graph, TensorKind
from edgegen.quantise.layers import uses
from edgegen.quantise.progress import Track, silent
from edgegen.quantise.quantise import Quantised, Quantiser, Recipe
from edgegen.quantise.sensitivity import Sensitivity, sensitivities
from edgegen.quantise.wide import wide_forms, with_followers

CYCLES_PER_MAC, CYCLES_PER_VALUE = 2.0, 25.0
"""About what a multiply-accumulate on int16 takes more than one on int8 on a Cortex-M4, and what
converting a value takes. They only rank layers."""
CYCLES_PER_BYTE = 4.0
"""What a byte of RAM counts for."""
SLACK = 1.5
"""Trials begin when the estimate is so many dB below the target."""
PRUNED = 6
"""At most so many layers are tried back on int8 in the end."""


@dataclass(frozen=True)
class Move:
    """A trial with one layer more, or fewer, on int16.

    Attributes:
        tensor: the layer's output; several, with commas, that were moved together.
        dtype: what it was moved to, `int16` or back to `int8`.
        sqnr: what it gave, in dB.
        kept: whether it stays so.
    """

    tensor: str
    dtype: str
    sqnr: float
    kept: bool


@dataclass(frozen=True)
class Mixture:
    """What the search for a mixture found.

    Attributes:
        recipe: the mixture, or all layers on int16 if even that misses the target.
        sqnr: its SQNR in dB.
        moves: what was tried.
    """

    recipe: Recipe
    sqnr: float
    moves: tuple[Move, ...]


def mix(
    quantiser: Quantiser,
    made: Quantised,
    target: float,
    narrow: Sequence[Sensitivity],
    track: Track = silent,
) -> Mixture:
    """Moves layers to int16 until a target is reached.

    Args:
        quantiser: what made it.
        made: a quantised network that misses the target.
        target: the SQNR in dB that is wanted.
        narrow: the sensitivities of its layers.
        track: shows progress.
    """
    graph, recipe = made.prepared, made.recipe
    whole = replace(recipe, wide=frozenset(wide_forms(graph)))
    best = quantiser.trial(whole)
    if best < target:
        return Mixture(whole, best, ())
    wide = sensitivities(quantiser.make(whole), quantiser.samples, track)
    after = {s.output: _noise(s.sqnr) for s in wide}
    before = {s.output: _noise(s.sqnr) for s in narrow}
    layers = [n for n in wide_forms(graph) if n in before and n not in recipe.wide]
    moves: list[Move] = []
    chosen, quality = recipe.wide, -math.inf
    picked: list[str] = []
    while quality < target:
        left = [n for n in layers if n not in chosen]
        if not left:
            return Mixture(whole, best, tuple(moves))
        gains = {n: before[n] - after.get(n, 0.0) for n in left}
        picked.append(_best(graph, chosen, gains))
        chosen = with_followers(graph, chosen | {picked[-1]})
        if _decibel(sum(_rest(before, after, chosen))) < target - SLACK and len(left) > 1:
            continue
        quality = quantiser.trial(replace(recipe, wide=chosen))
        moves.append(Move(", ".join(picked), "int16", quality, True))
        picked = []
    for name in sorted(chosen - recipe.wide, key=lambda n: -_cost(graph, chosen, n))[:PRUNED]:
        fewer = chosen - {name}
        if name in with_followers(graph, fewer):
            continue
        found = quantiser.trial(replace(recipe, wide=fewer))
        moves.append(Move(name, "int8", found, found >= target))
        if found >= target:
            chosen, quality = fewer, found
    return Mixture(replace(recipe, wide=chosen), quality, tuple(moves))


def _rest(
    before: Mapping[str, float], after: Mapping[str, float], chosen: frozenset[str]
) -> list[float]:
    """The noise of every layer, with some on int16."""
    return [after.get(n, 0.0) if n in chosen else noise for n, noise in before.items()]


def _best(graph: Graph, chosen: frozenset[str], gains: Mapping[str, float]) -> str:
    """The layer whose move takes away most noise for what it costs."""
    return max(gains, key=lambda n: gains[n] / max(_cost(graph, chosen, n), 1.0))


def _cost(graph: Graph, chosen: frozenset[str], name: str) -> float:
    """What a layer on int16 costs more, with some others there: cycles, and bytes as cycles."""
    used = uses(graph)
    op = graph.ops[used.writers[name]]
    io = graph.io(op)
    cost = op.macs(io) * CYCLES_PER_MAC
    for tensor in io.inputs:
        if tensor is not None and tensor.kind is not TensorKind.CONSTANT:
            inside = tensor.name in chosen or tensor.name in graph.inputs
            values = tensor.type.elements
            cost += -values * CYCLES_PER_VALUE if inside else values * CYCLES_PER_VALUE
    elements = io.output.type.elements
    for reader in used.readers.get(name, ()):
        inside = graph.ops[reader].outputs[0] in chosen
        cost += -elements * CYCLES_PER_VALUE if inside else elements * CYCLES_PER_VALUE
    return cost + elements * CYCLES_PER_BYTE


def _noise(sqnr: float) -> float:
    """Noise as a share of the signal."""
    return 0.0 if math.isinf(sqnr) and sqnr > 0 else float(10.0 ** (-sqnr / 10.0))


def _decibel(noise: float) -> float:
    return math.inf if noise <= 0 else -10.0 * math.log10(noise)
