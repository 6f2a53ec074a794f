"""Finds what a target SQNR takes: other ranges for the layers that hurt most, or int16 for them.

Other ranges cost nothing at run time and are tried first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgegen.errors import Problem, QuantisationError
from edgegen.quantise.mixed import mix
from edgegen.quantise.observers import OBSERVERS
from edgegen.quantise.progress import Track, silent
from edgegen.quantise.quantise import Quantised, Quantiser, Recipe
from edgegen.quantise.sensitivity import Sensitivity, sensitivities

WORST = 8
"""How many of the most harmful layers get other ranges."""
GAIN = 0.05
"""Improvements below this many dB are noise."""
NAMED = 5
"""How many layers an error names."""


@dataclass(frozen=True)
class Attempt:
    """One step: an observer or a type for one tensor, and the SQNR in dB that it gave."""

    tensor: str
    observer: str
    sqnr: float
    kept: bool


def search(
    quantiser: Quantiser, made: Quantised, target: float, track: Track = silent
) -> tuple[Quantised, tuple[Attempt, ...]]:
    """Improves a quantised network until it reaches a target.

    Args:
        quantiser: what made it.
        made: the best of the recipes for whole networks.
        target: the SQNR in dB that is wanted of the deciding tensors.
        track: shows progress.

    Returns:
        The first that reaches the target, and what was tried.

    Raises:
        QuantisationError: none does; the layers that hurt most are named.
    """
    recipe = made.recipe
    quality = quantiser.trial(recipe)
    attempts: list[Attempt] = []
    order = sensitivities(made, quantiser.samples, track)
    for tensor in track([s.output for s in order[:WORST]], f"searching for {target:g} dB"):
        if quality >= target:
            break
        best = recipe
        for observer in OBSERVERS:
            if observer == recipe.overrides.get(tensor, recipe.observer):
                continue
            candidate = replace(recipe, overrides={**recipe.overrides, tensor: observer})
            found = quantiser.trial(candidate)
            better = found > quality + GAIN
            attempts.append(Attempt(tensor, observer, found, better))
            if better:
                best, quality = candidate, found
        recipe = best
    if quality < target:
        current = made if recipe is made.recipe else _remade(quantiser, recipe, made)
        mixture = mix(quantiser, current, target, order, track)
        attempts += [Attempt(m.tensor, m.dtype, m.sqnr, m.kept) for m in mixture.moves]
        recipe, quality = mixture.recipe, mixture.sqnr
    if quality < target:
        raise QuantisationError(_shortfall(made, quality, target, order))
    return (made if recipe is made.recipe else _remade(quantiser, recipe, made)), tuple(attempts)


def _remade(quantiser: Quantiser, recipe: Recipe, before: Quantised) -> Quantised:
    return replace(quantiser.make(recipe), trials=before.trials)


def _shortfall(
    made: Quantised, quality: float, target: float, order: Sequence[Sensitivity]
) -> Problem:
    origins = {op.outputs[0]: op.origin for op in made.graph.ops}
    worst = ", ".join(f"{origins[s.output]} ({s.sqnr:.1f} dB)" for s in order[:NAMED])
    dense = any(op.stem == "fully_connected" for op in made.graph.ops)
    hints = ["calibrate with more samples, or train with quantisation"]
    if dense:
        hints.insert(0, "try --per-channel-dense")
    return Problem(
        f"the output SQNR is {quality:.1f} dB at best, with all layers on int16 that can be, "
        f"below the {target:g} dB asked for",
        why=f"the layers that hurt most, each alone on int8: {worst}",
        hint="; ".join(hints),
    )
