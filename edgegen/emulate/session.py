"""What every emulator gives: firmware that runs, and its console as a serial port."""

from __future__ import annotations

from typing import Final, Protocol

EMULATORS: Final = ("unicorn", "qemu", "rp2040js", "renode")
"""Names of the emulators, in the order of automatic choice; see `edgegen.emulate.ladder`."""


class Session(Protocol):
    """Firmware under way in an emulator; its console has the shape of a serial port.

    The emulated time passes during `read` (Unicorn), or all the time (emulators of their own
    process). Close a session when done: `contextlib.closing` does.
    """

    @property
    def emulator(self) -> str:
        """The emulator's name, as the command line knows it."""

    def write(self, data: bytes) -> None:
        """Sends bytes to the firmware's console; they wait until it takes them."""

    def read(self, timeout_s: float) -> bytes:
        """Returns what the firmware has printed since the last call, as soon as there is any.

        Returns nothing after `timeout_s` of wall time, or earlier if the emulator knows that
        nothing will come: the firmware waits for input, or has ended.

        Raises:
            EmulationError: the firmware faulted, or the emulator failed.
        """

    def close(self) -> None:
        """Ends the emulation; may be called again."""

    @property
    def waits(self) -> bool:
        """Whether the firmware is known to wait for input: nothing will come before a `write`."""

    @property
    def exit_code(self) -> int | None:
        """The code the firmware ended with, or None while it runs (most firmware never ends)."""

    @property
    def baud(self) -> float | None:
        """The console's bits per second as the firmware has set them, or None if unknown."""

    @property
    def instructions(self) -> int | None:
        """Instructions executed since reset, or None where the emulator does not tell."""

    @property
    def cycles(self) -> int | None:
        """Clock cycles since reset, or None where the emulator has no model of them."""
