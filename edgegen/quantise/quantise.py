"""Quantisation from end to end: fuse, equalise, observe, assign, convert, correct, choose."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from edgegen.errors import InputError, ModelError, Problem, QuantisationError
from edgegen.ir import DType, Graph
from edgegen.ir.verify import verify
from edgegen.passes.base import Pass, run_passes
from edgegen.passes.constant_folding import fold_constants
from edgegen.passes.dead_code import remove_dead_code
from edgegen.passes.layout import assign_layouts
from edgegen.quantise.assign import Assignment, assign, wide_tensors
from edgegen.quantise.convert import WeightOptions, convert
from edgegen.quantise.correct import correct_biases
from edgegen.quantise.equalise import equalise
from edgegen.quantise.fuse import fuse
from edgegen.quantise.global_pool import means_for_global_pools
from edgegen.quantise.measure import deciding, mean_sqnr, measure
from edgegen.quantise.observe import Observed, Sample, observe
from edgegen.quantise.observers import OBSERVERS, Range
from edgegen.quantise.progress import Track, silent
from edgegen.quantise.wide import named_layers, with_followers

PASSES: tuple[Pass, ...] = (
    Pass("dead_code", remove_dead_code),
    Pass("constant_folding", fold_constants),
    Pass("layout", assign_layouts),
)
"""The compiler's own rewrites that make a float graph simpler to quantise."""

AUTO = "auto"
AUTO_OBSERVERS = ("mse", "minmax")
"""What `auto` tries: those that scripts/quantisation_trials.py finds best."""
MARGIN = 1.0
"""A recipe must be better by so many dB to be chosen instead of one that comes before it: on few
samples smaller differences say little about others."""
TRIAL_SAMPLES = 32
"""At most so many samples correct biases, and so many others compare candidates."""
CORRECTION_SAMPLES = 64
"""At most so many samples correct the biases of the chosen candidate."""


@dataclass(frozen=True)
class Recipe:
    """One way to quantise.

    Attributes:
        observer: what chooses the activations' ranges.
        equalised: whether channels are evened out across layers first.
        corrected: whether biases are corrected.
        overrides: observers for single tensors, by name.
        wide: outputs of the operators on int16.
    """

    observer: str
    equalised: bool
    corrected: bool
    overrides: Mapping[str, str] = field(default_factory=dict, hash=False)
    wide: frozenset[str] = frozenset()

    def __str__(self) -> str:
        parts = [f"observer {self.observer}"]
        parts.append("channels equalised" if self.equalised else "channels as they are")
        parts.append("biases corrected" if self.corrected else "biases as they are")
        if self.overrides:
            parts.append(f"{len(self.overrides)} tensors with another observer")
        if self.wide:
            parts.append(f"{len(self.wide)} operators on int16")
        return ", ".join(parts)


@dataclass(frozen=True)
class Settings:
    """What the user asks of quantisation; None and `auto` mean: whatever measures best.

    Attributes:
        observer: a name of `OBSERVERS` or `auto`.
        equalise: whether to even out channels across layers.
        correct: whether to correct biases.
        weights: how weights are quantised.
        int16: which operators are on int16; see `wide.named_layers`.
    """

    observer: str = AUTO
    equalise: bool | None = None
    correct: bool | None = True
    weights: WeightOptions = field(default_factory=WeightOptions)
    int16: tuple[str, ...] = ()

    def recipes(self) -> list[Recipe]:
        """All recipes to try."""
        observers = AUTO_OBSERVERS if self.observer == AUTO else (self.observer,)
        both = (True, False)
        choices = [
            both if choice is None else (choice,) for choice in (self.equalise, self.correct)
        ]
        return [Recipe(o, e, c) for e, c in itertools.product(*choices) for o in observers]


@dataclass(frozen=True)
class Quantised:
    """An int8 graph and where it comes from.

    Attributes:
        source: the float graph as read.
        prepared: the float graph that was converted, with the int8 graph's tensor names.
        graph: the int8 graph.
        assignment: the parameters of its activations.
        recipe: how it was made.
        trials: SQNR in dB of every recipe that was tried; empty if there was no choice.
    """

    source: Graph
    prepared: Graph
    graph: Graph
    assignment: Assignment
    recipe: Recipe
    trials: Mapping[Recipe, float] = field(default_factory=dict)


class Quantiser:
    """Makes int8 graphs of one float graph; what they have in common is computed once."""

    def __init__(
        self,
        graph: Graph,
        samples: Sequence[Sample],
        weights: WeightOptions | None = None,
        track: Track = silent,
    ) -> None:
        """Prepares the graph and observes it on all samples.

        Raises:
            InputError: there are no samples, or the graph has no float activation.
        """
        if not samples:
            raise InputError("there are no samples to calibrate with")
        if all(graph.tensor(n).type.dtype is not DType.FLOAT32 for n in graph.inputs):
            raise InputError(
                Problem(
                    "the model has no float input",
                    hint="quantisation starts from a float model; `edgegen build` takes this one",
                )
            )
        self.source, self.samples, self.track = graph, samples, track
        self.weights = weights or WeightOptions()
        fused = means_for_global_pools(fuse(run_passes(graph, PASSES)))
        self._prepared: dict[bool, tuple[Graph, Mapping[str, Observed]]] = {
            False: (fused, observe(fused, samples, track))
        }
        self._ranges: dict[tuple[bool, str, str], Range] = {}

    def prepared(self, equalised: bool) -> tuple[Graph, Mapping[str, Observed]]:
        """The float graph to convert, and what was observed of it."""
        if equalised not in self._prepared:
            graph, observed = self._prepared[False]
            even = equalise(graph, {n: o.largest for n, o in observed.items()}, self.weights)
            seen = observe(even, self.samples, self.track) if even is not graph else observed
            self._prepared[equalised] = even, seen
        return self._prepared[equalised]

    def make(self, recipe: Recipe, samples: Sequence[Sample] | None = None) -> Quantised:
        """The int8 graph of one recipe, verified.

        Args:
            recipe: how to make it.
            samples: what biases are corrected on; by default as many as are of use.
        """
        graph, observed = self.prepared(recipe.equalised)
        wide = wide_tensors(graph, recipe.wide)
        ranges = {
            # int16 has steps enough for all that was seen.
            name: self._range(
                recipe.equalised,
                name,
                "minmax" if name in wide else recipe.overrides.get(name, recipe.observer),
            )
            for name in observed
        }
        assignment = assign(graph, ranges, recipe.wide)
        result = convert(graph, assignment, self.weights)
        _require_int8_forms(result)
        if recipe.corrected:
            chosen = self.samples[:CORRECTION_SAMPLES] if samples is None else samples
            result = correct_biases(graph, result, chosen)
            _require_int8_forms(result)
        return Quantised(self.source, graph, result, assignment, recipe)

    def _range(self, equalised: bool, name: str, observer: str) -> Range:
        key = equalised, name, observer
        if key not in self._ranges:
            observed = self._prepared[equalised][1][name]
            self._ranges[key] = OBSERVERS[observer](observed.histogram)
        return self._ranges[key]

    def recipes(self, settings: Settings) -> list[Recipe]:
        """All recipes that a user's settings leave open.

        Raises:
            InputError: they name operators that are not there, or have no form on int16.
        """
        graph = self.prepared(False)[0]
        wide = with_followers(graph, named_layers(graph, settings.int16))
        return [replace(recipe, wide=wide) for recipe in settings.recipes()]

    def trial(self, recipe: Recipe) -> float:
        """The SQNR in dB that a recipe gives on samples that did not correct its biases."""
        halves = self.samples[0::2], self.samples[1::2] or self.samples
        made = self.make(recipe, halves[0][:TRIAL_SAMPLES])
        names = deciding(made.prepared)
        found = measure(
            made.prepared, made.graph, halves[1][:TRIAL_SAMPLES], names={n: n for n in names}
        )
        return mean_sqnr(names, found)


def quantise(
    graph: Graph,
    samples: Sequence[Sample],
    settings: Settings | None = None,
    track: Track = silent,
) -> Quantised:
    """Quantises a float graph to int8.

    Args:
        graph: a verified float graph.
        samples: float inputs by input name, the more alike to real ones the better.
        settings: what the user asks for.
        track: shows progress.

    Raises:
        InputError: the samples or the graph cannot be used.
        QuantisationError: operators have no int8 form; all are listed.
    """
    settings = settings or Settings()
    quantiser = Quantiser(graph, samples, settings.weights, track)
    return best_of(quantiser, quantiser.recipes(settings), track)


def _require_int8_forms(graph: Graph) -> None:
    """Checks the int8 graph.

    Raises:
        QuantisationError: with everything that operators do not accept.
    """
    try:
        verify(graph)
    except ModelError as error:
        raise QuantisationError(
            [
                replace(p, why=p.why or "the operator has no such form on int8")
                for p in error.problems
            ]
        ) from error


def best_of(quantiser: Quantiser, recipes: Sequence[Recipe], track: Track = silent) -> Quantised:
    """The recipe that does best in its trial; the first unless another is clearly better."""
    if len(recipes) == 1:
        return quantiser.make(recipes[0])
    trials = {recipe: quantiser.trial(recipe) for recipe in track(recipes, "trying recipes")}
    best = recipes[0]
    for recipe in recipes[1:]:
        if trials[recipe] > trials[best] + MARGIN:
            best = recipe
    return replace(quantiser.make(best), trials=trials)
