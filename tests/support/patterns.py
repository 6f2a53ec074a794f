"""Exports of small modules with onnxruntime's outputs: one archive (tests/networks)."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.support.data import Array, integers
from tests.support.networks import NETWORKS
from tests.support.oracle import write_archive

PATTERNS_FILE = NETWORKS / "patterns.npz"
VECTORS = 2


@dataclass(frozen=True, eq=False)
class Pattern:
    """One exported module.

    Attributes:
        blob: the .onnx file.
        shapes: of the inputs, in the model's order; all float32.
        outputs: for each of `VECTORS` inferences the outputs in the model's order.
    """

    blob: bytes
    shapes: tuple[tuple[int, ...], ...]
    outputs: tuple[tuple[Array, ...], ...]


def pattern_inputs(name: str, shapes: Sequence[Sequence[int]]) -> list[list[Array]]:
    """The inputs of each inference: float32 multiples of 1/64 in [-2, 2]."""
    return [
        [
            (integers(f"pattern {name}/{v}/{i}", shape, -128, 128, "int64") / 64).astype(np.float32)
            for i, shape in enumerate(shapes)
        ]
        for v in range(VECTORS)
    ]


@functools.cache
def recorded_patterns(path: Path = PATTERNS_FILE) -> Mapping[str, Pattern]:
    """All patterns by name: the module's and `torchscript` or `dynamo`."""
    with np.load(path) as archive:
        index = json.loads(archive["index"].tobytes())
        models, block = archive["models"].tobytes(), archive["outputs"].tobytes()
    patterns = {}
    model_at = output_at = 0
    for name, entry in index.items():
        blob = models[model_at : model_at + entry["bytes"]]
        model_at += entry["bytes"]
        vectors = []
        for _ in range(VECTORS):
            arrays = []
            for dtype, shape in entry["outputs"]:
                count = int(np.prod(shape, dtype=np.int64))
                arrays.append(np.frombuffer(block, dtype, count, output_at).reshape(shape))
                output_at += arrays[-1].nbytes
            vectors.append(tuple(arrays))
        shapes = tuple(tuple(s) for s in entry["inputs"])
        patterns[name] = Pattern(blob, shapes, tuple(vectors))
    return patterns


def write_patterns(path: Path, patterns: Mapping[str, Pattern]) -> None:
    """Writes patterns, sorted by name."""
    index, models, block = {}, [], []
    for name, pattern in sorted(patterns.items()):
        index[name] = {
            "bytes": len(pattern.blob),
            "inputs": [list(s) for s in pattern.shapes],
            "outputs": [[a.dtype.name, list(a.shape)] for a in pattern.outputs[0]],
        }
        models.append(pattern.blob)
        block += [a.tobytes() for vector in pattern.outputs for a in vector]
    text = json.dumps(index, separators=(",", ":")).encode()
    write_archive(path, {"index": text, "models": b"".join(models), "outputs": b"".join(block)})
