"""Ports: what carries the console's bytes, a serial port or an emulated one."""

from __future__ import annotations

import time
from typing import Any, Final, Protocol

from edgegen.errors import LinkError, Problem, ToolError

BAUD: Final = 115_200


class Port(Protocol):
    """A stream of bytes in both directions."""

    def write(self, data: bytes) -> None:
        """Sends all of `data`."""
        ...

    def read(self, timeout_s: float) -> bytes:
        """What has arrived; waits up to `timeout_s` for the first byte, else returns nothing."""
        ...

    def close(self) -> None:
        """Gives the port back."""
        ...


class SerialPort:
    """A serial port of this computer, or a URL that pyserial knows, such as `socket://host:port`."""

    def __init__(self, name: str, baud: int = BAUD) -> None:
        """Opens it with 8 data bits, no parity, 1 stop bit.

        Raises:
            ToolError: pyserial is missing.
            LinkError: there is no such port, or it is in use.
        """
        serial = _pyserial()
        self.name = name
        self._failures = (serial.SerialException, OSError, ValueError)
        try:
            self._serial = serial.serial_for_url(name, baudrate=baud, timeout=0, write_timeout=10)
        except self._failures as error:
            raise LinkError(
                Problem(f"cannot open the port {name!r}", why=str(error), hint=_present())
            ) from error

    def write(self, data: bytes) -> None:
        """See `Port`."""
        try:
            self._serial.write(data)
        except self._failures as error:
            raise self._lost(error) from error

    def read(self, timeout_s: float) -> bytes:
        """See `Port`."""
        end = time.monotonic() + timeout_s
        try:
            while True:
                self._serial.timeout = max(0.0, end - time.monotonic())
                found: bytes = self._serial.read(1)
                waiting = self._serial.in_waiting
                if found and waiting:
                    found += self._serial.read(waiting)
                if found or time.monotonic() >= end:
                    return found
        except self._failures as error:
            raise self._lost(error) from error

    def close(self) -> None:
        """See `Port`."""
        self._serial.close()

    def _lost(self, error: Exception) -> LinkError:
        return LinkError(
            Problem(
                f"lost the port {self.name!r}",
                why=str(error),
                hint="is the cable plugged in, and does no other program use the port?",
            )
        )


def _pyserial() -> Any:
    try:
        import serial
    except ModuleNotFoundError as error:
        raise ToolError(
            Problem(
                "the Python package 'pyserial' is missing",
                why="boards are reached through it",
                hint='pip install "edgegen[board]"',
            )
        ) from error
    return serial


def _present() -> str:
    """A hint that lists the ports of this computer."""
    from serial.tools import list_ports

    names = [f"{p.device} ({p.description})" for p in sorted(list_ports.comports())]
    return f"ports of this computer: {', '.join(names)}" if names else "no serial port was found"
