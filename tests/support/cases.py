"""Operator cases: one operator with its tensors, as data, run alike by every rung of tests.

`tests/ops/README.md` describes the files. This module needs neither edgegen nor the oracle.
"""

from __future__ import annotations

import functools
import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgegen.export.flatbuffer import OperatorSpec, OptionValue, TensorSpec, write_model
from tests.support import data
from tests.support.data import Array
from tests.support.oracle import Recording, recorded

CASES_DIR = Path(__file__).parents[1] / "ops"
RANDOM_VECTORS = 4

_CASE_KEYS = {
    "name", "op", "version", "options", "options_table", "inputs", "outputs", "error", "randoms",
    "oracle_zero_bias",
}  # fmt: skip
_TENSOR_KEYS = {
    "shape", "dtype", "scale", "zero_point", "scales", "zero_points", "axis", "constant",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Case:
    """One operator case.

    Attributes:
        stem: the file's stem, which is the operator module's too.
        name: unique in the file.
        op: TFLite operator.
        version: the operator's version number.
        options: schema names in snake case; None leaves the options table out of the file.
        options_table: schema name of the options table, or None for the operator's own.
        tensors: distinct input tensors; those without data are fed, in this order.
        operands: for each operator input an index into `tensors`, -1 where left out.
        outputs: output tensors; the shape is a stand-in until the oracle has spoken, unless
            `shaped`.
        shaped: the case itself says what output shapes the file claims.
        error: edgegen must refuse the case with an error that contains this; empty when it must
            accept whatever the oracle accepts.
        randoms: number of random input vectors.
        oracle_zero_bias: the oracle insists on a bias (input 2); give it one of zeros.
    """

    stem: str
    name: str
    op: str
    version: int
    options: Mapping[str, OptionValue] | None
    options_table: str | None
    tensors: tuple[TensorSpec, ...]
    operands: tuple[int, ...]
    outputs: tuple[TensorSpec, ...]
    shaped: bool = False
    error: str = ""
    randoms: int = RANDOM_VECTORS
    oracle_zero_bias: bool = False

    @property
    def id(self) -> str:
        """`<stem>/<name>`."""
        return f"{self.stem}/{self.name}"

    @property
    def fed(self) -> tuple[TensorSpec, ...]:
        """The tensors that are fed at run time: the graph's inputs."""
        return tuple(t for t in self.tensors if t.data is None)

    def inputs(self) -> tuple[tuple[Array, ...], ...]:
        """The input vectors: for each inference one array for each tensor of `fed`."""
        fed = list(enumerate(self.fed))
        vectors = [
            tuple(data.random(f"{self.id}/vector {n}/{i}", t.shape, t.dtype) for i, t in fed)
            for n in range(self.randoms)
        ]
        vectors += [
            tuple(data.constant(pattern, "", t.shape, t.dtype) for _, t in fed)
            for pattern in ("low", "high")
        ]
        vectors.append(
            tuple(data.ramp(t.shape, t.dtype, data.RAMP_OFFSET + 53 * i) for i, t in fed)
        )
        if len(fed) > 1:
            for first, other in (("low", "high"), ("high", "low")):
                patterns = [first if i == 0 else other for i, _ in fed]
                vectors.append(
                    tuple(
                        data.constant(p, "", t.shape, t.dtype)
                        for p, (_, t) in zip(patterns, fed, strict=True)
                    )
                )
        return tuple(vectors)

    def model_bytes(self, shapes: Sequence[Sequence[int]] | None = None) -> bytes:
        """The .tflite file.

        Args:
            shapes: output shapes; those that the oracle recorded when None, unless `shaped`.
        """
        if shapes is None:
            own = [t.shape for t in self.outputs]
            shapes = own if self.shaped else self.recording.shapes or own
        outputs = [replace(t, shape=tuple(s)) for t, s in zip(self.outputs, shapes, strict=True)]
        first = len(self.tensors)
        produced = range(first, first + len(outputs))
        spec = OperatorSpec(
            self.op, self.version, self.operands, tuple(produced), self.options, self.options_table
        )
        fed = [i for i, t in enumerate(self.tensors) if t.data is None]
        return write_model([*self.tensors, *outputs], [spec], fed, produced)

    def oracle_bytes(self) -> bytes:
        """The .tflite file for the oracle, which works out the output shapes by itself."""
        case = self
        if self.oracle_zero_bias:
            weights = self.tensors[self.operands[1]]
            channels = (weights.shape[0],)
            scales = _bias_scales(self.tensors)
            zeros, points = np.zeros(channels, "int32"), (0,) * len(scales)
            bias = TensorSpec("bias", "int32", channels, scales, points, 0, zeros)
            operands = (*self.operands[:2], len(self.tensors))
            case = replace(self, tensors=(*self.tensors, bias), operands=operands)
        return case.model_bytes([t.shape for t in self.outputs])

    @property
    def recording(self) -> Recording:
        """What the oracle made of this case.

        Raises:
            LookupError: it was never recorded, or the case has changed since.
        """
        found = recorded().get(self.id)
        if found is None or found.digest != self.digest:
            state = "has no recording" if found is None else "changed after it was recorded"
            raise LookupError(f"case {self.id} {state}: run scripts/record_oracle.py")
        return found

    @property
    def refused(self) -> str:
        """The oracle's reason to refuse the model; empty when it runs."""
        return self.recording.refused

    def expected(self) -> tuple[tuple[Array, ...], ...]:
        """The oracle's outputs: for each vector of `inputs` one array for each output."""
        return self.recording.outputs

    @functools.cached_property
    def digest(self) -> str:
        """Changes with everything that the recorded bytes depend on."""
        facts = [self.op, self.version, self.options, self.options_table, self.operands]
        facts.append(self.oracle_zero_bias)
        tensors = [
            (t.dtype, t.shape, t.scales, t.zero_points, t.axis)
            for t in (*self.tensors, *self.outputs)
        ]
        digest = hashlib.sha256(json.dumps([facts, tensors], sort_keys=True).encode())
        for tensor in self.tensors:
            digest.update(b"fed" if tensor.data is None else tensor.data.tobytes())
        for vector in self.inputs():
            for array in vector:
                digest.update(array.tobytes())
        return digest.hexdigest()[:16]


def stems() -> tuple[str, ...]:
    """Stems of all case files."""
    return tuple(sorted(p.stem for p in CASES_DIR.glob("*.toml")))


@functools.cache
def load_cases(stem: str | None = None) -> tuple[Case, ...]:
    """All cases, or those of one file, in the files' order.

    Raises:
        ValueError: a file breaks the format.
    """
    if stem is None:
        return tuple(c for s in stems() for c in load_cases(s))
    with (CASES_DIR / f"{stem}.toml").open("rb") as file:
        document = tomllib.load(file)
    _only(document, {"op", "case"}, stem)
    cases = tuple(read_case(stem, document.get("op"), c) for c in document.get("case", []))
    names = [c.name for c in cases]
    repeated = sorted({n for n in names if names.count(n) > 1})
    if repeated:
        raise ValueError(f"{stem}: repeated case names {repeated}")
    return cases


def _only(table: Mapping[str, Any], allowed: set[str], where: str) -> None:
    unknown = sorted(set(table) - allowed)
    if unknown:
        raise ValueError(f"{where}: unknown keys {unknown}, allowed are {sorted(allowed)}")


def read_case(stem: str, default_op: str | None, table: Mapping[str, Any]) -> Case:
    where = f"{stem}/{table.get('name', '?')}"
    _only(table, _CASE_KEYS, where)
    tensors: list[TensorSpec] = []
    operands: list[int] = []
    for index, entry in enumerate(table["inputs"]):
        if set(entry) == {"missing"}:
            operands.append(-1)
        elif set(entry) == {"same_as"}:
            operands.append(operands[entry["same_as"]])
        else:
            operands.append(len(tensors))
            tensors.append(_tensor(f"{where}/{index}", f"input_{index}", entry, tensors))
    outputs = [
        _tensor(f"{where}/out {index}", f"output_{index}", {"shape": [1], **entry}, ())
        for index, entry in enumerate(table["outputs"])
    ]
    return Case(
        stem=stem,
        name=table["name"],
        op=table.get("op", default_op),
        version=table.get("version", 1),
        options=table.get("options"),
        options_table=table.get("options_table"),
        tensors=tuple(tensors),
        operands=tuple(operands),
        outputs=tuple(outputs),
        shaped=any("shape" in entry for entry in table["outputs"]),
        error=table.get("error", ""),
        randoms=table.get("randoms", RANDOM_VECTORS),
        oracle_zero_bias=table.get("oracle_zero_bias", False),
    )


def _tensor(
    key: str, name: str, entry: Mapping[str, Any], before: Sequence[TensorSpec]
) -> TensorSpec:
    _only(entry, _TENSOR_KEYS, key)
    shape = tuple(int(d) for d in entry["shape"])
    dtype = entry.get("dtype", "int8")
    axis = int(entry.get("axis", 0))
    scales = _scales(key, entry, shape, axis, before)
    points = entry.get("zero_points", [entry.get("zero_point", 0)] * len(scales))
    values = entry.get("constant")
    if isinstance(values, str):
        values = data.constant(values, key, shape, dtype)
    elif isinstance(values, list):
        values = np.array(values, dtype).reshape(shape)
    elif values is not None:
        values = np.full(shape, values, dtype)
    return TensorSpec(name, dtype, shape, scales, tuple(points), axis, values)


def _scales(
    key: str,
    entry: Mapping[str, Any],
    shape: Sequence[int],
    axis: int,
    before: Sequence[TensorSpec],
) -> tuple[float, ...]:
    """Scales as the file will hold them, in float32."""
    scales = entry.get("scales", [entry["scale"]] if "scale" in entry else [])
    if scales in ("seeded", "wild"):
        scales = data.seeded_scales(key, shape[axis], wild=scales == "wild")
    if not scales and entry.get("constant") in ("bias", "large_bias"):
        scales = _bias_scales(before)
    return tuple(float(np.float32(s)) for s in scales)


def _bias_scales(tensors: Sequence[TensorSpec]) -> tuple[float, ...]:
    """A bias is quantised with the product of the input's and the weights' scales."""
    source = np.float32(tensors[0].scales[0])
    return tuple(float(source * np.float32(s)) for s in tensors[1].scales)
