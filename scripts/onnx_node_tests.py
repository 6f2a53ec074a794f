"""Runs ONNX's own backend node tests through edgegen: float C, compiled and run on this machine.

    python scripts/onnx_node_tests.py              # all tests
    python scripts/onnx_node_tests.py softmax pool # those whose names contain one of these words
    python scripts/onnx_node_tests.py --refused    # also lists what is refused, with reasons

Prints how many tests pass, how many give a wrong answer and how many are refused; fails on the
second. Every test counts whose model edgegen accepts. Needs gcc and the package onnx.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from edgegen.errors import EdgegenError  # noqa: E402
from edgegen.verify.reference import evaluate  # noqa: E402
from tests.support.node_runs import run_models  # noqa: E402
from tests.support.node_tests import Prepared, mismatch, node_tests, prepare  # noqa: E402

BATCH = 192
"""Models in one program."""


def reason(error: EdgegenError) -> str:
    """Why a model is refused, in one line."""
    problem = error.problems[0]
    return f"{problem.where}: {problem.what}" if problem.where else problem.what


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="parts of names; default: all tests")
    parser.add_argument("--refused", action="store_true", help="list refusals with reasons")
    parser.add_argument("--reference", action="store_true", help="numpy reference instead of C")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    chosen = [
        t for t in node_tests() if not arguments.words or any(w in t.name for w in arguments.words)
    ]
    prepared: list[Prepared] = []
    refused: list[tuple[str, str]] = []
    for number, test in enumerate(chosen):
        try:
            prepared.append(prepare(test, f"n{number:04d}"))
        except EdgegenError as error:
            refused.append((test.name, reason(error)))
    wrong: list[tuple[str, str]] = []
    for start in range(0, len(prepared), BATCH):
        group = prepared[start : start + BATCH]
        with tempfile.TemporaryDirectory(prefix="edgegen-onnx-") as folder:
            if arguments.reference:
                graphs = [p.compilation.graph for p in group]
                outputs = []
                for p, g in zip(group, graphs, strict=True):
                    values = evaluate(g, dict(zip(g.inputs, p.feeds, strict=True)))
                    outputs.append(tuple(values[n] for n in g.outputs))
            else:
                outputs = run_models(group, Path(folder))
        for item, actual in zip(group, outputs, strict=True):
            difference = mismatch(item, actual)
            if difference:
                wrong.append((item.test.name, difference))
        print(f"{start + len(group)} of {len(prepared)} run", file=sys.stderr)
    if arguments.refused:
        for name, why in refused:
            print(f"refused {name}: {why}")
        print()
    for name, why in wrong:
        print(f"WRONG {name}: {why}")
    kinds = Counter("expanded" if "_expanded" in p.test.name else "plain" for p in prepared)
    print(
        f"{len(chosen)} node tests: {len(prepared) - len(wrong)} pass "
        f"({kinds['plain']} plain and {kinds['expanded']} expanded models compile), "
        f"{len(wrong)} wrong, {len(refused)} refused"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
