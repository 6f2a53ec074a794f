"""`edgegen verify --port`: what a board computes, against the reference and recorded outputs."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from edgegen.errors import LinkError, Problem, VerificationError
from edgegen.ir import Graph, TensorType
from edgegen.ir.types import Array
from edgegen.link.console import Console, Info, LayerCheck, SelfTest, Tensor
from edgegen.verify.recorded import accuracy, require_recorded
from edgegen.verify.reference import evaluate, golden_crc
from edgegen.verify.tolerance import differing
from edgegen.verify.vectors import Vectors

SHOWN: Final = 5
"""Inferences with differences that are described one by one."""

Track = Callable[[Sequence[int]], Iterable[int]]
"""Passes the numbers of the inferences on and shows how far they have come."""


@dataclass(frozen=True)
class BoardVerdict:
    """What was compared, all of it equal.

    Attributes:
        board: the name that the firmware gives itself.
        inferences: number of inputs.
        bytes: output bytes compared.
        exact: whether every byte was to be equal; float32 need only be close.
        micros: median microseconds of an inference by the board's clock; None without one.
        clock_hz: the core's clock.
        layers: what the self-test saw of each layer; empty when the firmware does not look.
        recorded: names of recorded outputs that agree too.
        accuracy: share of labels that the outputs' maxima hit, or None without labels.
        repeats: transfers that were repeated because of line noise.
    """

    board: str
    inferences: int
    bytes: int
    exact: bool
    micros: float | None
    clock_hz: int
    layers: tuple[LayerCheck, ...]
    recorded: tuple[str, ...]
    accuracy: float | None
    repeats: int


def verify_board(
    graph: Graph, vectors: Vectors, console: Console, track: Track = lambda numbers: numbers
) -> BoardVerdict:
    """Runs the self-test and every input on the board, and compares all output bytes.

    Args:
        graph: the model, as read.
        vectors: the inputs, and what is recorded about their outputs.
        console: the board's console, not yet connected.
        track: shows progress.

    Raises:
        VerificationError: what is wrong: the self-test, its first wrong layer, the outputs.
        LinkError: the board cannot be talked to, or runs another model.
    """
    board = console.connect()
    info = console.info()
    _require_same_model(graph, info)
    test = console.selftest()
    runs: list[dict[str, Array]] = []
    times: list[float] = []
    problems: list[Problem] = []
    wrong = 0
    for number in track(range(len(vectors.batches))):
        batch = vectors.batches[number]
        console.load(encoded(graph, info.inputs, batch))
        micros = console.infer()
        if micros is not None:
            times.append(micros)
        got = _decoded(graph, console.output())
        runs.append(got)
        found = _differences(graph, evaluate(graph, batch), got, number)
        wrong += bool(found)
        problems += found if wrong <= SHOWN else []
    if wrong > SHOWN:
        problems.append(Problem(f"{wrong - SHOWN} more inputs differ"))
    problems = [*_selftest_problems(test), *problems]
    if problems:
        raise VerificationError(problems)
    return BoardVerdict(
        board,
        len(runs),
        sum(value.nbytes for run in runs for value in run.values()),
        not graph.computes_float,
        statistics.median(times) if times else None,
        info.clock_hz,
        test.layers,
        require_recorded(graph, vectors, runs),
        accuracy(graph, vectors, runs),
        console.repeats,
    )


def encoded(graph: Graph, tensors: Sequence[Tensor], batch: Mapping[str, Array]) -> bytes:
    """The inputs as the firmware's buffer holds them."""
    parts = []
    for name, tensor in zip(graph.inputs, tensors, strict=True):
        value, kind = batch[name], graph.tensor(name).type
        if tensor.encoding == "offset":
            value = (value.astype(np.int16) + 128).astype(np.uint8)
        elif tensor.encoding == "float32":
            steps = value.astype(np.float64) - kind.zero_point
            value = (steps * kind.scale).astype("<f4")
        parts.append(value.tobytes())
    return b"".join(parts)


def _require_same_model(graph: Graph, info: Info) -> None:
    """Compares what the firmware takes and gives with the model."""
    problems = []
    for kind, names, tensors in (
        ("input", graph.inputs, info.inputs),
        ("output", graph.outputs, info.outputs),
    ):
        wanted = [_signature(graph.tensor(n).type) for n in names]
        found = [f"{t.dtype} {list(t.shape)}" for t in tensors]
        if wanted != found:
            problems.append(
                f"its {kind}s are {', '.join(found)}, the model's are {', '.join(wanted)}"
            )
    # Of float32 outputs, the last bits depend on the numpy that computed them.
    if not problems and not graph.computes_float and info.golden != golden_crc(graph):
        problems.append("it computes other outputs for the self-test's input")
    if problems:
        raise LinkError(
            Problem(
                f"the board runs another model, {info.name!r}",
                why="; ".join(problems),
                hint="flash it with firmware of this model: edgegen new-project, edgegen flash",
            )
        )


def _signature(kind: TensorType) -> str:
    return f"{kind.dtype.value} {list(kind.shape) or [1]}"


def _decoded(graph: Graph, outputs: Sequence[bytes]) -> dict[str, Array]:
    kinds = [graph.tensor(n).type for n in graph.outputs]
    if [len(raw) for raw in outputs] != [kind.bytes for kind in kinds]:
        raise LinkError(
            Problem(
                f"the board answers with {', '.join(str(len(raw)) for raw in outputs)} bytes, "
                f"the outputs have {', '.join(str(kind.bytes) for kind in kinds)}"
            )
        )
    return {
        name: np.frombuffer(raw, kind.dtype.numpy).reshape(kind.shape)
        for name, kind, raw in zip(graph.outputs, kinds, outputs, strict=True)
    }


def _differences(
    graph: Graph, expected: Mapping[str, Array], actual: Mapping[str, Array], number: int
) -> list[Problem]:
    """The outputs of an inference that are not the reference's."""
    problems = []
    for name in graph.outputs:
        wrong = np.argwhere(differing(expected[name], actual[name]))
        if not len(wrong):
            continue
        index = tuple(int(i) for i in wrong[0])
        at = int(np.ravel_multi_index(index, expected[name].shape)) if index else 0
        size = expected[name].dtype.itemsize
        problems.append(
            Problem(
                f"{len(wrong)} of {expected[name].size} elements differ, the first at "
                f"{list(index)} (byte {at * size}): the board computed "
                f"{actual[name][index].item()}, the reference {expected[name][index].item()}",
                where=f"input {number}, output {name!r}",
                why=_beginnings(expected[name], actual[name], at),
            )
        )
    return problems


def _beginnings(expected: Array, actual: Array, at: int, width: int = 8) -> str:
    """Both tensors around the first difference."""
    first = max(0, at - 2)

    def part(value: Array) -> str:
        shown = value.ravel()[first : first + width].tolist()
        return " ".join(f"{x:.6g}" if isinstance(x, float) else str(x) for x in shown)

    return f"from element {first}: board {part(actual)} | reference {part(expected)}"


def _selftest_problems(test: SelfTest) -> list[Problem]:
    if test.passed:
        return []
    layer = test.first_wrong
    if layer is None:
        return [Problem("the board's self-test fails")]
    count = sum(x.right is False for x in test.layers)
    return [
        Problem(
            f"the board's self-test fails: layer {layer.index}, {layer.type}, is the first of "
            f"{count} with a wrong output (CRC {layer.crc:08x})",
            hint="damaged flash or RAM, a wrong clock or wait states, or another compiler's fault; "
            "`edgegen run` shows what the same code does on an emulated core",
        )
    ]
