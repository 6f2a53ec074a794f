"""Compiles a range of mutants under limits of time and memory, and reports what went wrong.

Run as `python -m tests.fuzz.worker tflite|onnx|nodes FIRST LAST`; prints a JSON object.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgegen.errors import EdgegenError, InternalError
from edgegen.frontends.onnx import is_onnx
from edgegen.passes.base import run_passes
from edgegen.pipeline import PASSES, Options, compile_model, read_graph
from edgegen.target.cores import CORES
from edgegen.verify.reference import evaluate, ramp
from tests.fuzz import mutate, mutate_onnx
from tests.support.cases import load_cases
from tests.support.models import DEMO_MODEL
from tests.support.networks import NETWORKS
from tests.support.node_tests import bound_model, node_tests
from tests.support.patterns import recorded_patterns

Seeds = Callable[[], tuple[bytes, ...]]
Mutate = Callable[[tuple[bytes, ...], int], bytes]

SECONDS = 5.0
MEMORY = 1 << 30
EVALUATE_LIMIT = 1 << 20


class OutOfTimeError(BaseException):
    """Not an Exception: nothing but the worker may catch it."""


def onnx_seeds() -> tuple[bytes, ...]:
    """Intact files: the smaller networks and exported patterns."""
    patterns = recorded_patterns()
    chosen = [patterns[name].blob for name in sorted(patterns) if name.endswith("_dynamo")]
    small = [f for f in sorted(NETWORKS.glob("*.onnx")) if f.stat().st_size < 8_000]
    # Networks are quantised and larger: each counts several times.
    return (*chosen, *(f.read_bytes() for f in small for _ in range(12)))


def tflite_seeds() -> tuple[bytes, ...]:
    """Intact files: every case that compiles, and the demo model."""
    blobs = [c.model_bytes() for c in load_cases() if not c.error and not c.refused]
    if DEMO_MODEL.exists():
        blobs.append(DEMO_MODEL.read_bytes())
    return tuple(blobs)


def node_seeds() -> tuple[bytes, ...]:
    """Intact files: ONNX's node tests with single operators, and the expanded ones."""
    return tuple(bound_model(t) for t in node_tests() if len(t.inputs) < 9)


FORMATS: dict[str, tuple[Seeds, Mutate]] = {
    "tflite": (tflite_seeds, mutate.mutant),
    "onnx": (onnx_seeds, mutate_onnx.mutant),
    "nodes": (node_seeds, mutate_onnx.mutant),
}
"""Intact files, and what damages them."""


def compile_blob(blob: bytes, options: Options) -> None:
    """Everything that edgegen does with a model's bytes before it renders files."""
    if is_onnx(blob):
        # Float models are refused later on: their rewriting is looked at too.
        run_passes(read_graph(blob, "fuzz"), PASSES)
    graph = compile_model(blob, "fuzz", CORES["m4"], options).source
    if sum(t.type.elements for t in graph.activations()) + graph.macs < EVALUATE_LIMIT:
        evaluate(graph, {n: ramp(graph.tensor(n).type) for n in graph.inputs})


def verdict(blob: bytes, options: Options) -> str:
    """`compiled`, `refused`, or the text of what should not have happened."""
    # Time of the processor: other tests run at the same time.
    start = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        compile_blob(blob, options)
    except InternalError:
        return traceback.format_exc()
    except EdgegenError as error:
        if "MemoryError" in str(error):
            return traceback.format_exc()
    except OutOfTimeError:
        return f"more than {SECONDS} s:\n{traceback.format_exc()}"
    except Exception:  # anything else is what the test looks for
        return traceback.format_exc()
    else:
        return "compiled"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if time.process_time() - start > SECONDS:
        return f"more than {SECONDS} s"
    return "refused"


def _out_of_time(*_: Any) -> None:
    raise OutOfTimeError


def main() -> None:
    """Command line."""
    form = sys.argv[1]
    first, last = (int(a) for a in sys.argv[2:])
    warnings.simplefilter("error")
    signal.signal(signal.SIGPROF, _out_of_time)
    intact, damage = FORMATS[form]
    options = Options(dtype="float32" if form == "nodes" else "int8")
    seeds = intact()
    # What the interpreter and its libraries have mapped already does not count.
    with Path("/proc/self/statm").open() as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY, mapped + MEMORY))
    failures, counts = {}, {"compiled": 0, "refused": 0}
    for index in range(first, last):
        result = verdict(damage(seeds, index), options)
        if result in counts:
            counts[result] += 1
        else:
            failures[str(index)] = result
    json.dump({"counts": counts, "failures": failures}, sys.stdout)


if __name__ == "__main__":
    main()
