"""A small runner of MLPerf Tiny's text protocol, as its public description has it.

The description: mlcommons/tiny, benchmark/runner and benchmark/api; eembc/energyrunner, README.md
and datasets/README.md. Nothing is shared with edgegen.link.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

LONGEST = 80
"""Characters of a command that the reference firmware takes."""


class Wire(Protocol):
    def write(self, data: bytes) -> None: ...

    def read(self, timeout_s: float) -> bytes: ...


@dataclass(frozen=True)
class Inference:
    """Results and the device's two times; energy mode has no times."""

    results: tuple[float, ...]
    times: tuple[int, ...]
    lines: tuple[str, ...]


@dataclass
class Runner:
    """Talks to a device directly (performance mode) or through an interface board (energy mode)."""

    wire: Wire
    energy: bool = False
    timeout_s: float = 5.0
    _text: str = ""
    sent: list[str] = field(default_factory=list)

    def command(self, text: str) -> list[str]:
        assert len(text) <= LONGEST
        self.sent.append(text)
        self.wire.write(f"{text}%".encode("ascii"))
        return self.until_ready()

    def until_ready(self) -> list[str]:
        lines: list[str] = []
        while True:
            lines.append(self._line())
            if "m-ready" in lines[-1]:
                assert lines[-1] == "m-ready"
                return lines[:-1]

    def begin(self) -> None:
        """Waits until the device has said all it says at its start."""
        self.wire.write(b"%")
        while self.wire.read(0.4):
            pass

    def name(self) -> str:
        return self._one(r"m-name-dut-\[([^]]+)]", self.command("name"))

    def model(self) -> str:
        lines = self.command("profile")
        assert self._one(r"m-profile-\[([^]]+)]", lines)
        return self._one(r"m-model-\[([^]]+)]", lines)

    def timestamp(self) -> list[str]:
        return self.command("timestamp")

    def load(self, data: bytes) -> None:
        assert self.command(f"db load {len(data)}") == [f"m-[Expecting {len(data)} bytes]"]
        step = 26 if self.energy else 31
        answers = [
            self.command(f"db {data[at : at + step].hex()}") for at in range(0, len(data), step)
        ]
        assert answers[:-1] == [[]] * (len(answers) - 1)
        assert answers[-1] == ["m-load-done"]

    def infer(self, count: int, warmups: int) -> Inference:
        lines = self.command(f"infer {count} {warmups}")
        results = self._one(r"m-results-\[([^]]+)]", lines)
        times = [re.fullmatch(r"m-lap-us-([0-9]+)", x) for x in lines]
        return Inference(
            tuple(float(x) for x in results.split(",")),
            tuple(int(m[1]) for m in times if m),
            tuple(re.sub(r"(m-lap-us-|m-results-).*", r"\1", x) for x in lines),
        )

    def _line(self) -> str:
        end = time.monotonic() + self.timeout_s
        while "\n" not in self._text:
            assert time.monotonic() < end, f"no answer to {self.sent[-1:]}; so far {self._text!r}"
            self._text += self.wire.read(0.1).decode("ascii")
        line, _, self._text = self._text.partition("\n")
        return line.strip("\r\0")

    @staticmethod
    def _one(pattern: str, lines: Sequence[str]) -> str:
        (found,) = (m for m in (re.fullmatch(pattern, line) for line in lines) if m)
        return found[1]
