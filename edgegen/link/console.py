"""The client of the console in templates/firmware/app, with its defences against line noise."""

from __future__ import annotations

import math
import re
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from edgegen.errors import LinkError, Problem
from edgegen.link.port import Port

T = TypeVar("T")

READY: Final = "m-ready"
ATTEMPTS: Final = 3
"""How often a transfer is tried before the line counts as unusable."""

QUIET_S: Final = 0.2
"""A line that has been silent for so long has nothing more to say."""

READY_S: Final = 1.0
"""Longest that a board takes to answer an empty command."""

_REMEMBERED: Final = 200
_LONGEST_ANSWER: Final = 1 << 16
"""Bytes of a line: the results of a network with thousands of outputs are one."""

_MOST_LINES: Final = 1 << 14
_DEFAULT_LINE: Final = 80
"""Longest command when the board does not say: MLPerf Tiny's reference code takes as many."""


class NoiseError(LinkError):
    """An answer that was cut short or garbled; asking again may help."""


class RestartError(LinkError):
    """The board started again while it was asked something."""


@dataclass(frozen=True)
class Tensor:
    """An input or output as `info%` describes it."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    encoding: str = "raw"


@dataclass(frozen=True)
class Info:
    """What the firmware is.

    Attributes:
        golden: CRC-32 of the outputs for the self-test's input.
        line: longest command.
    """

    name: str
    version: str
    golden: int
    clock_hz: int
    line: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


@dataclass(frozen=True)
class LayerCheck:
    """A layer of the self-test; `right` is None where there is nothing to compare with."""

    index: int
    type: str
    crc: int
    right: bool | None
    cycles: int


@dataclass(frozen=True)
class SelfTest:
    """What the self-test says."""

    passed: bool
    layers: tuple[LayerCheck, ...]

    @property
    def first_wrong(self) -> LayerCheck | None:
        """The first layer whose output is not the reference's."""
        return next((x for x in self.layers if x.right is False), None)


@dataclass
class Console:
    """A board's console.

    Attributes:
        port: where it is.
        patience_s: longest time for an inference.
        answer_s: longest time for an answer that needs none.
        repeats: transfers that were repeated because of line noise.
    """

    port: Port
    patience_s: float = 30.0
    answer_s: float = 3.0
    repeats: int = 0
    line: int = _DEFAULT_LINE
    _pending: bytearray = field(default_factory=bytearray)
    _heard: bytearray = field(default_factory=bytearray)

    def connect(self) -> str:
        """Waits until the board answers; returns its name.

        Raises:
            LinkError: it does not answer, or what arrives is not the console.
        """
        restarted = None
        for _ in range(ATTEMPTS):
            # Ends what an earlier program may have left unfinished.
            self._recover()
            try:
                # Other firmware may never be silent: the whole answer is to come in time.
                for line in self.command("name", self.answer_s / 2, limit_s=self.answer_s):
                    if found := re.fullmatch(r"m-name-dut-\[(.*)\]", line):
                        return found[1]
            except NoiseError:
                continue
            except RestartError as error:
                # Some boards start when their port is opened.
                restarted = error
        if restarted is not None:
            raise restarted
        raise _no_console(bytes(self._heard))

    def command(
        self, text: str, timeout_s: float | None = None, *, limit_s: float = math.inf
    ) -> list[str]:
        """Sends a command; returns the lines of the answer, without the final m-ready.

        Args:
            text: the command without its '%'.
            timeout_s: longest silence before its end; `answer_s` when None.
            limit_s: longest time until its end.

        Raises:
            NoiseError: the answer did not end in time, or holds bytes that are no text.
            LinkError: the firmware refused, crashed or started again.
        """
        timeout_s = self.answer_s if timeout_s is None else timeout_s
        self.port.write(f"{text}%".encode())
        lines: list[str] = []
        last = time.monotonic() + limit_s
        while (line := self._line(timeout_s, last)) is not None and len(lines) < _MOST_LINES:
            if line == READY:
                return _judged(text, lines)
            if line.startswith("fault "):
                place = f"command {text[:40]!r}"
                raise LinkError(Problem(f"the firmware crashed: {line}", where=place))
            if line:
                lines.append(line)
        raise NoiseError(
            Problem(
                f"no end of the answer to {text[:40]!r} within {timeout_s:g} s",
                why=_heard(lines),
                hint="a slow board needs a longer --timeout",
            )
        )

    def info(self) -> Info:
        """What the firmware is; sets the longest command."""
        info = self._again(self._info_twice, "what the firmware is")
        self.line = info.line
        return info

    def load(self, data: bytes) -> None:
        """Fills the input buffer, and makes sure that all bytes arrived."""

        def transfer() -> None:
            self.command(f"db load {len(data)}")
            step = (self.line - 3) // 2
            for at in range(0, len(data), step):
                self.command(f"db {data[at : at + step].hex()}")
            (crc,) = _required(self.command("crc"), r"m-crc-\[([0-9a-f]{8})\]", "CRC")
            if int(crc, 16) != zlib.crc32(data):
                raise NoiseError(Problem("input bytes changed on their way to the board"))

        self._again(transfer, "the input")

    def infer(self, runs: int = 1, warmups: int = 0) -> float | None:
        """Runs the loaded input; returns microseconds an inference, None without a clock."""
        lines = self._again(
            lambda: self._inference(f"infer {runs} {warmups}", runs + warmups), "the inference"
        )
        laps = [int(m[1]) for m in (re.fullmatch(r"m-lap-us-(\d+)", x) for x in lines) if m]
        return (laps[1] - laps[0]) / runs if len(laps) == 2 else None

    def output(self) -> tuple[bytes, ...]:
        """The bytes of all outputs of the last inference."""
        return self._again(lambda: _outputs(self.command("output")), "the output")

    def selftest(self) -> SelfTest:
        """Runs the recorded inference."""
        return self._again(lambda: _selftest(self.command("selftest", self.patience_s)), "the test")

    def _info_twice(self) -> Info:
        """Reads it twice: it has no CRC, and what is wrong in it would blame the firmware."""
        first, second = (_info(self.command("info")) for _ in range(2))
        if first != second:
            raise NoiseError(Problem("two answers differ that should be equal"))
        return first

    def _inference(self, text: str, count: int) -> list[str]:
        lines = self.command(text, self.patience_s * count)
        if "m-infer-done" not in lines:
            raise NoiseError(Problem("the answer to an inference is incomplete", why=_heard(lines)))
        return lines

    def _again(self, transfer: Callable[[], T], what: str) -> T:
        """Repeats a transfer that noise has spoilt."""
        for attempt in range(ATTEMPTS):
            try:
                return transfer()
            except NoiseError as error:
                problem = error.problems[0]
                if attempt < ATTEMPTS - 1:
                    self.repeats += 1
                    self._recover()
        raise LinkError(
            Problem(
                f"{what} did not come through in {ATTEMPTS} attempts: {problem.what}",
                why=problem.why,
                hint=problem.hint or "line noise: a lower --baud, a shorter cable, a common ground",
            )
        )

    def _recover(self) -> None:
        """Ends a command that may have lost its end, and forgets what is still on its way."""
        self._drain()
        self.port.write(b"%")
        # However late it comes, what the board says to this must not pass for the next answer.
        heard, end = b"", time.monotonic() + READY_S
        while READY.encode() not in heard and (left := end - time.monotonic()) > 0:
            heard += self._read(left)
        self._drain()

    def _drain(self) -> None:
        """Reads until the line is quiet."""
        self._pending.clear()
        end = time.monotonic() + self.answer_s
        while time.monotonic() < end and self._read(QUIET_S):
            pass

    def _read(self, timeout_s: float) -> bytes:
        """Reads from the port, and remembers the last of it for error messages."""
        found = self.port.read(timeout_s)
        self._heard = (self._heard + found)[-_REMEMBERED:]
        return found

    def _line(self, timeout_s: float, last: float) -> str | None:
        """The next line; None after a silence, or at the time `last`."""
        end = time.monotonic() + timeout_s
        while b"\n" not in self._pending:
            if len(self._pending) > _LONGEST_ANSWER:
                raise NoiseError(Problem("the lines that arrive have no end"))
            left = min(end, last) - time.monotonic()
            if left <= 0:
                return None
            if found := self._read(left):
                self._pending += found
                end = time.monotonic() + timeout_s
        raw, _, rest = bytes(self._pending).partition(b"\n")
        self._pending[:] = rest
        raw = raw.rstrip(b"\r")
        if any(not 32 <= byte < 127 for byte in raw):
            raise NoiseError(Problem("bytes arrived that are no text", why=repr(raw[:60])))
        return raw.decode("ascii")


def _judged(text: str, lines: list[str]) -> list[str]:
    """The lines, unless they are a complaint."""
    for line in lines:
        if line == "m-init-done":
            raise RestartError(
                Problem(
                    "the board has started again in the middle of a command",
                    where=f"command {text[:40]!r}",
                    hint="a watchdog, a weak supply or the reset button",
                )
            )
        if line == f"e-[Unknown command: {text.split(' ')[0]}]":
            raise LinkError(
                Problem(
                    f"the firmware does not know the command {text.split(' ')[0]!r}",
                    hint="flash firmware with the console: edgegen new-project --app console",
                )
            )
        if line.startswith("e-["):
            # Commands of ours are never wrong: what the board has read was changed on its way.
            raise NoiseError(Problem(f"the board refuses {text[:40]!r}", why=line))
    return lines


def _no_console(heard: bytes) -> LinkError:
    """Why there may be no answer."""
    if not heard:
        return LinkError(
            Problem(
                "the board is silent",
                hint="is it the right port, is firmware with the console flashed "
                "(edgegen new-project --app console), and are TX and RX connected crosswise?",
            )
        )
    strange = sum(not 32 <= byte < 127 and byte not in b"\r\n\t" for byte in heard)
    why = f"it says {heard[-60:]!r}"
    if strange * 4 > len(heard):
        return LinkError(
            Problem("what the board sends is no text", why=why, hint="probably another --baud")
        )
    return LinkError(
        Problem(
            "the board does not answer as the console does",
            why=why,
            hint="flash firmware with the console: edgegen new-project --app console",
        )
    )


def _heard(lines: Sequence[str]) -> str:
    return f"the last line was {lines[-1]!r}" if lines else "nothing arrived"


def _required(lines: Sequence[str], pattern: str, what: str) -> list[str]:
    """The first group of all lines that match, at least one."""
    found = [m[1] for m in (re.fullmatch(pattern, line) for line in lines) if m]
    if not found:
        raise NoiseError(Problem(f"the answer has no {what}", why=_heard(lines)))
    return found


def _info(lines: Sequence[str]) -> Info:
    def one(key: str, pattern: str = ".*") -> str:
        return _required(lines, rf"m-info-{key}-\[({pattern})\]", key)[0]

    return Info(
        one("name"),
        one("version"),
        int(one("golden", "[0-9a-f]{8}"), 16),
        int(one("clock", r"\d+")),
        int(one("line", r"\d+")),
        _tensors(lines, "input", r"\w+ \w+ [\d,]+ \w+"),
        _tensors(lines, "output", r"\w+ \w+ [\d,]+"),
    )


def _tensors(lines: Sequence[str], key: str, pattern: str) -> tuple[Tensor, ...]:
    found = []
    for text in _required(lines, rf"m-info-{key}-\[({pattern})\]", key):
        name, dtype, shape, *encoding = text.split(" ")
        sizes = tuple(int(d) for d in shape.split(",") if d)
        found.append(Tensor(name, dtype, sizes, *encoding))
    return tuple(found)


def _outputs(lines: Sequence[str]) -> tuple[bytes, ...]:
    parts: dict[int, bytes] = {}
    for line in lines:
        if found := re.fullmatch(r"m-output-(\d+)-((?:[0-9a-f]{2})+)", line):
            number = int(found[1])
            parts[number] = parts.get(number, b"") + bytes.fromhex(found[2])
    (crc,) = _required(lines, r"m-output-crc-\[([0-9a-f]{8})\]", "CRC")
    ordered = tuple(parts[i] for i in sorted(parts))
    if int(crc, 16) != zlib.crc32(b"".join(ordered)) or sorted(parts) != list(range(len(parts))):
        raise NoiseError(Problem("output bytes changed on their way from the board"))
    return ordered


_LAYER: Final = re.compile(r"m-layer +(\d+) (\S+) +crc ([0-9a-f]{8}) (ok|wrong|-) +(\d+) cycles")


def _selftest(lines: Sequence[str]) -> SelfTest:
    layers = []
    for line in lines:
        if found := _LAYER.fullmatch(line):
            right = {"ok": True, "wrong": False, "-": None}[found[4]]
            layers.append(
                LayerCheck(int(found[1]), found[2], int(found[3], 16), right, int(found[5]))
            )
    if [x.index for x in layers] != list(range(len(layers))):
        raise NoiseError(Problem("lines of the self-test are missing"))
    (verdict,) = _required(lines, r"m-selftest-\[(PASS|FAIL)\]", "verdict")
    return SelfTest(verdict == "PASS", tuple(layers))
