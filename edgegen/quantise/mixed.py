"""Mixed precision: which layers to move to int16, for the least of cycles and RAM.

Each layer's noise is measured alone, on int8 and on int16, in a network that is float otherwise;
weights stay int8, so that some noise remains. Noise of different layers adds up nearly, so that
sums of it, fitted to what is known of all on int8 and all on int16, estimate what sets of layers
give: the cheapest that should do is tried as a whole
network, and if it does not, the cheapest of those that are estimated better.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgegen.ir import Graph, TensorKind
from edgegen.quantise.assign import wide_tensors
from edgegen.quantise.progress import Track, silent
from edgegen.quantise.quantise import Quantised, Quantiser, Recipe
from edgegen.quantise.sensitivity import Sensitivity, sensitivities
from edgegen.quantise.wide import wide_forms, with_followers

CYCLES_PER_MAC, CYCLES_PER_OUTPUT, CYCLES_PER_VALUE = 1.5, 45.0, 20.0
"""About what a multiply-accumulate and an output take more on int16 than on int8 on a Cortex-M4,
and what converting a value takes. They only rank sets of layers."""
CYCLES_PER_BYTE = 4.0
"""What a byte of an activation counts for."""
ALL_SETS = 11
"""Of at most so many layers all sets are looked at; of more, a chain of sets that grow by the layer
that is worth most."""
SLACK, STEP = 1.0, 0.2
"""The first set that is tried may be estimated so many dB below the target; the next must be
estimated so much better than the last."""
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
    moves: list[Move] = []
    chosen, quality = recipe.wide, -math.inf
    need = target - SLACK
    known = {recipe.wide: quantiser.trial(recipe), whole.wide: best}
    offers = _offers(graph, recipe.wide, before, after, known)
    while quality < target:
        offer = next((o for o in offers if o.estimate >= need), None)
        chosen = whole.wide if offer is None else offer.wide
        quality = best if offer is None else quantiser.trial(replace(recipe, wide=chosen))
        moves.append(Move(_names(graph, chosen - recipe.wide), "int16", quality, quality >= target))
        need = math.inf if offer is None else offer.estimate + STEP
    for name in sorted(chosen - recipe.wide, key=lambda n: -_gain(graph, chosen, n))[:PRUNED]:
        fewer = chosen - {name}
        if name in with_followers(graph, fewer) or name not in chosen:
            continue
        found = quantiser.trial(replace(recipe, wide=fewer))
        moves.append(Move(name, "int8", found, found >= target))
        if found >= target:
            chosen, quality = fewer, found
    return Mixture(replace(recipe, wide=chosen), quality, tuple(moves))


@dataclass(frozen=True)
class _Offer:
    """A set of layers on int16: what it costs, and its estimated SQNR in dB."""

    cost: float
    estimate: float
    wide: frozenset[str]


def _offers(
    graph: Graph,
    given: frozenset[str],
    before: Mapping[str, float],
    after: Mapping[str, float],
    known: Mapping[frozenset[str], float],
) -> list[_Offer]:
    """Sets of layers to move, the cheapest first.

    Args:
        graph: the float graph.
        given: layers that are on int16 in any case.
        before: noise of each layer on int8.
        after: noise of each layer on int16.
        known: SQNR in dB of two sets; sums of noise are fitted to them.
    """

    def total(wide: frozenset[str]) -> float:
        return sum(after.get(n, 0.0) if n in wide else v for n, v in before.items())

    (most, high), (least, low) = ((total(w), _noise(v)) for w, v in known.items())
    slope = (high - low) / (most - least) if most > least else 1.0
    layers = [n for n in wide_forms(graph) if n in before and n not in given]

    def offer(chosen: frozenset[str]) -> _Offer:
        full = with_followers(graph, given | chosen)
        return _Offer(_cost(graph, full), _decibel(low + slope * (total(full) - least)), full)

    if len(layers) <= ALL_SETS:
        sets = (c for k in range(1, len(layers) + 1) for c in itertools.combinations(layers, k))
        found = {o.wide: o for o in (offer(frozenset(s)) for s in sets)}
        return sorted(found.values(), key=lambda o: o.cost)
    chain: list[_Offer] = []
    chosen: frozenset[str] = frozenset()
    while len(chosen) < len(layers):
        base = _cost(graph, with_followers(graph, given | chosen))

        def worth(name: str, base: float = base, chosen: frozenset[str] = chosen) -> float:
            more = _cost(graph, with_followers(graph, given | chosen | {name})) - base
            return (before[name] - after.get(name, 0.0)) / max(more, 1.0)

        chosen |= {max((n for n in layers if n not in chosen), key=worth)}
        chain.append(offer(chosen))
    return chain


def _cost(graph: Graph, wide: frozenset[str]) -> float:
    """What layers on int16 cost more than on int8: cycles, and bytes as cycles."""
    tensors = wide_tensors(graph, wide)
    cost = sum(CYCLES_PER_BYTE * graph.tensor(n).type.elements for n in tensors)
    converted: set[tuple[str, bool]] = set()
    for op in graph.ops:
        target = op.outputs[0] in wide
        if target:
            io = graph.io(op)
            outputs = 0 if op.alias_of(io) is not None else io.output.type.elements
            cost += op.macs(io) * CYCLES_PER_MAC + outputs * CYCLES_PER_OUTPUT
        for name in op.inputs:
            if name is None or graph.tensor(name).kind is TensorKind.CONSTANT:
                continue
            if (name in tensors) != target and (name, target) not in converted:
                converted.add((name, target))
                cost += graph.tensor(name).type.elements * CYCLES_PER_VALUE
    return cost


def _gain(graph: Graph, wide: frozenset[str], name: str) -> float:
    """What is saved if a layer goes back on int8."""
    return _cost(graph, wide) - _cost(graph, wide - {name})


def _names(graph: Graph, layers: frozenset[str]) -> str:
    return ", ".join(op.outputs[0] for op in graph.ops if op.outputs[0] in layers)


def _noise(sqnr: float) -> float:
    """Noise as a share of the signal."""
    return 0.0 if math.isinf(sqnr) and sqnr > 0 else float(10.0 ** (-sqnr / 10.0))


def _decibel(noise: float) -> float:
    return math.inf if noise <= 0 else -10.0 * math.log10(noise)
