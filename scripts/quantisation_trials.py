"""Measures every way to quantise a float model: what `auto` should try is decided by this.

    python scripts/quantisation_trials.py FLOAT SAMPLES.npz [--like INT8]

Every second sample calibrates, the others measure. `--like` names an int8 file of the same model:
its SQNR is shown too, and integer samples are taken to be its inputs.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from edgegen.ir import Graph
from edgegen.pipeline import load_model, read_graph
from edgegen.quantise.compare import matching
from edgegen.quantise.convert import WeightOptions
from edgegen.quantise.measure import deciding, mean_sqnr, measure
from edgegen.quantise.observe import Sample
from edgegen.quantise.observers import OBSERVERS
from edgegen.quantise.quantise import Quantiser, Recipe
from edgegen.quantise.samples import load_samples


def official(real: Graph, integer: Graph, samples: list[Sample]) -> str:
    """The SQNR of an int8 file that somebody else made."""
    names = matching(real, integer)
    found = [n for n in deciding(real) if n in names]
    return f"{mean_sqnr(found, measure(real, integer, samples, names=names)):6.2f}"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("samples", type=Path)
    parser.add_argument("--like", type=Path)
    arguments = parser.parse_args()
    real = read_graph(load_model(arguments.model), "real")
    other = None if arguments.like is None else read_graph(load_model(arguments.like), "other")
    integers = None if other is None else other.tensor(other.inputs[0]).type.quant
    samples = list(load_samples(arguments.samples, real, integers).inputs)
    calibration, test = samples[0::2], samples[1::2]
    if other is not None:
        print(f"{official(real, other, test)} dB  {arguments.like.name}")
    for dense in (False, True):
        quantiser = Quantiser(real, calibration, WeightOptions(per_channel_dense=dense))
        for observer, even, corrected in itertools.product(OBSERVERS, (False, True), (False, True)):
            made = quantiser.make(Recipe(observer, even, corrected))
            names = deciding(made.prepared)
            kept = {n: n for n in (*made.prepared.inputs, *names)}
            found = mean_sqnr(names, measure(made.prepared, made.graph, test, names=kept))
            print(f"{found:6.2f} dB  {made.recipe}" + (", dense per channel" if dense else ""))


if __name__ == "__main__":
    main()
