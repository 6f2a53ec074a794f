"""What a run on an emulated core tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgegen.errors import EdgegenError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping


class EmulationError(EdgegenError):
    """The firmware faulted, did not end, or ended with an error."""

    title = "the emulated firmware failed"


@dataclass(frozen=True)
class Count:
    """Executed instructions, and clock cycles or None where the core has no cycle model."""

    instructions: int
    cycles: int | None


@dataclass(frozen=True)
class LayerCount(Count):
    """What ran from the entry of a layer's function to the entry of the next layer's."""

    symbol: str


@dataclass(frozen=True)
class FunctionCount(Count):
    """What ran inside one function, without its callees."""

    symbol: str


@dataclass(frozen=True)
class ModelCount(Count):
    """What ran between the markers for the model of this index, over all its inferences."""

    index: int
    inferences: int


@dataclass(frozen=True)
class CycleRange:
    """Modelled clock cycles with the wait states of the board's flash, `low` to `high`."""

    low: int
    high: int


@dataclass(frozen=True)
class RunResult:
    """The outcome of one run; counts cover the code between the runner's markers only.

    Attributes:
        exit_code: what the firmware gave to the host, or None if it did not end by itself.
        console: what it wrote to the console.
        files: every file after the run, by name; input files included.
        instructions: executed between the markers, over all inferences of all models.
        cycles: modelled clock cycles of the same, or None for a core without a cycle model.
        run: the part of it before the first layer of each inference.
        models: the same by model, by index.
        layers: the same by layer, in the order the caller named them.
        functions: the same by function, most instructions first.
        stack_bytes: deepest use of the stack by the whole image, measured by painting.
        run_stack_bytes: deepest use between the markers, below the caller's stack pointer.
        sections: bytes by output section; `.weights` apart from `.rodata`.
        total_instructions: executed from reset to the end, start-up and file transfer included.
        error: why the run is not to be trusted, or None.
        on_board: `cycles` with the board's wait states, or None where they were not asked for or
            cannot be modelled.
    """

    exit_code: int | None
    console: str
    files: Mapping[str, bytes]
    instructions: int
    cycles: int | None
    run: Count
    models: tuple[ModelCount, ...]
    layers: tuple[LayerCount, ...]
    functions: tuple[FunctionCount, ...]
    stack_bytes: int
    run_stack_bytes: int
    sections: Mapping[str, int]
    total_instructions: int
    error: str | None
    on_board: CycleRange | None = None

    def check(self) -> RunResult:
        """Returns the result itself if the firmware ended with exit code 0.

        Raises:
            EmulationError: it did not.
        """
        if self.error is None and self.exit_code == 0:
            return self
        what = self.error or f"it ended with exit code {self.exit_code}"
        console = self.console.strip()
        raise EmulationError(Problem(what, why=f"its console says: {console}" if console else ""))
