"""The application of a firmware project: a console that runs the network, over `board.h`.

The console speaks the text protocol of MLPerf Tiny's runner, with a few commands more
(docs/on-target.md).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Final

from edgegen import __version__
from edgegen.codegen.environment import render
from edgegen.codegen.package import Package
from edgegen.codegen.views import Port, model_view
from edgegen.firmware.mlperf import Benchmark, find_benchmark
from edgegen.ir import DType
from edgegen.kernels.c_types import float_literal
from edgegen.target.board import Board
from edgegen.verify.reference import golden_crc

APPS: Final = ("console", "mlperf", "mlperf-energy")
"""What a project's main program can be: the console, or it as MLPerf Tiny wants it, for the two
ways of measuring."""

ENERGY_BAUD: Final = 9_600
"""In energy mode the runner talks through an interface board at this rate."""

LINE_BYTES: Final = 256
"""Longest command that the console takes; MLPerf Tiny's runner sends at most 66 characters."""

_MANTISSA_BITS: Final = 31
_FILES: Final = ("main.c", "console.h", "console.c", "network.h", "network.c", "text.h", "text.c")


@dataclass(frozen=True)
class InputView:
    """An input as the console's buffer holds it.

    Attributes:
        encoding: `raw`: the tensor's own bytes; `offset`: unsigned bytes, 128 more; `float32`: real
            values, to be quantised.
        offset: its first byte in the buffer.
    """

    port: Port
    encoding: str
    offset: int

    @property
    def bytes(self) -> int:
        """Bytes in the buffer."""
        return self.port.type.elements * 4 if self.encoding == "float32" else self.port.type.bytes

    @property
    def title(self) -> str:
        """What `info%` says of it."""
        return f"{_title(self.port)} {self.encoding}"

    @property
    def low(self) -> int:
        """The least value."""
        return self.port.type.dtype.limits[0]

    @property
    def high(self) -> int:
        """The greatest value."""
        return self.port.type.dtype.limits[1]

    @property
    def low_steps(self) -> str:
        """The least value's steps from the zero point, a float literal."""
        return float_literal(self.low - self.port.zero_point)

    @property
    def high_steps(self) -> str:
        """The greatest value's steps from the zero point, a float literal."""
        return float_literal(self.high - self.port.zero_point)


@dataclass(frozen=True)
class OutputView:
    """An output, and how its values become decimals: `real`, `integer` or `scaled`.

    Attributes:
        mantissa: a step is mantissa / 2^shift thousandths.
        shift: its power of two.
    """

    port: Port
    form: str
    mantissa: int = 0
    shift: int = 0

    @property
    def unit(self) -> int:
        """2^shift."""
        return 1 << self.shift

    @property
    def half(self) -> int:
        """Half of it, to round."""
        return self.unit // 2

    @property
    def title(self) -> str:
        """What `info%` says of it."""
        return _title(self.port)


def render_app(package: Package, app: str = "console", *, board: str = "") -> dict[str, str]:
    """The application's C files by name; with the library and `board.h` they make a firmware.

    Args:
        package: the network.
        app: one of `APPS`.
        board: the board's title for the banner.
    """
    view = app_view(package, app, board=board)
    return {file: render(f"firmware/app/{file}.j2", **view) for file in _FILES}


def app_defines(package: Package, app: str = "console") -> tuple[str, ...]:
    """Macros that all files of the firmware are to be compiled with.

    A benchmark's inferences are not slowed down by looking at layers.
    """
    return (f"{package.name.upper()}_SELFTEST_LAYERS",) if app == "console" else ()


def app_board(board: Board, app: str) -> Board:
    """The board as the application wants its console."""
    if app != "mlperf-energy" or board.console is None:
        return board
    return replace(board, console=replace(board.console, baud=ENERGY_BAUD))


def app_view(package: Package, app: str, *, board: str) -> dict[str, object]:
    """Variables of the templates."""
    view = model_view(package)
    benchmark = find_benchmark(package.plan.program.graph) if app != "console" else None
    inputs = _inputs(view["inputs"], benchmark)
    title = f"edgegen {__version__}: {package.name}" + (f" on {board}" if board else "")
    return {
        **view,
        "inputs": inputs,
        "outputs": tuple(_output(p) for p in view["outputs"]),
        "buffer_bytes": max(sum(i.bytes for i in inputs), 1),
        "benchmark": benchmark,
        "score": benchmark.score if benchmark else "outputs",
        "own_arena": package.layout.owner == "static",
        "golden": f"{golden_crc(package.plan.program.graph):08x}",
        "line_bytes": LINE_BYTES,
        "energy": app == "mlperf-energy",
        "device": re.sub(r"[^A-Za-z0-9 ._-]", "", board) or "edgegen",
        "profile": "ULPMark for tinyML Firmware V0.0.1" if app != "console" else "edgegen",
        "model_id": benchmark.name if benchmark else package.name,
        "banner": re.sub(r'[^ -~]|["%\\?]', "", title),
    }


def _inputs(ports: tuple[Port, ...], benchmark: Benchmark | None) -> tuple[InputView, ...]:
    found: list[InputView] = []
    offset = 0
    for port in ports:
        encoding = benchmark.encoding if benchmark else "raw"
        found.append(InputView(port, encoding, offset))
        offset += found[-1].bytes
    return tuple(found)


def _output(port: Port) -> OutputView:
    if port.type.dtype is DType.FLOAT32:
        return OutputView(port, "real")
    if not port.quantised:
        return OutputView(port, "integer")
    step = port.type.scale * 1000
    # As many bits as leave room for 32-bit values in 64 bits.
    shift = min(max(_MANTISSA_BITS - math.frexp(step)[1], 0), 62)
    return OutputView(port, "scaled", round(step * 2**shift), shift)


def _title(port: Port) -> str:
    shape = ",".join(map(str, port.type.shape)) or "1"
    return f"{port.accessor} {port.type.dtype.value} {shape}"
