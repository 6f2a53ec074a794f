"""Emulators of their own process: firmware's console over the process's pipes."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections import deque
from typing import IO, TYPE_CHECKING, Final

from edgegen.emulate.result import EmulationError
from edgegen.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_CHUNK: Final = 1 << 16
_KEPT_LINES: Final = 20
_GRACE_S: Final = 2.0


class ProcessSession:
    """A process whose standard input and output are the console; implements `Session`.

    What it writes to its standard error is its own, and is shown when it fails.
    """

    emulator = ""
    instructions: int | None = None
    cycles: int | None = None
    baud: float | None = None
    waits = False
    # What need not be shown of its standard error.
    unsaid: re.Pattern[str] | None = None

    def __init__(self, command: Sequence[str], folder: Path | None = None) -> None:
        """Starts `command` in `folder`."""
        self._arrived = threading.Condition()
        self._received = bytearray()
        self._ended = False
        self._closed = False
        self._complaints: deque[str] = deque(maxlen=_KEPT_LINES)
        self._process = subprocess.Popen(
            list(command),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self._threads = [
            threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._log, args=(self._process.stderr,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _listen(self, stream: IO[bytes]) -> None:
        while data := stream.read(_CHUNK):
            with self._arrived:
                self.feed(data)
                self._arrived.notify_all()
        with self._arrived:
            self._ended = True
            self._arrived.notify_all()

    def _log(self, stream: IO[bytes]) -> None:
        for line in stream:
            text = line.decode("utf-8", "replace").rstrip()
            if self.unsaid is None or not self.unsaid.match(text):
                self._complaints.append(text)

    def feed(self, data: bytes) -> None:
        """Takes what the process has written; an emulator with a protocol of its own unpacks it."""
        self._received += data

    @property
    def exit_code(self) -> int | None:
        """See `Session`."""
        return self._process.poll()

    def write(self, data: bytes) -> None:
        """See `Session`."""
        stream = self._process.stdin
        assert stream is not None
        try:
            stream.write(data)
            stream.flush()
        except (BrokenPipeError, ValueError) as error:
            raise self._failure("it has ended and takes no input") from error

    def read(self, timeout_s: float) -> bytes:
        """See `Session`."""
        deadline = time.monotonic() + timeout_s
        with self._arrived:
            while not self._received:
                left = deadline - time.monotonic()
                if self.waits or self._ended or left <= 0:
                    break
                self._arrived.wait(left)
            data = bytes(self._received)
            self._received.clear()
        if not data and self._ended and not self._closed:
            code = self._process.wait()
            if code:
                raise self._failure(f"{self.emulator} ended with exit code {code}")
        return data

    def _failure(self, what: str) -> EmulationError:
        for thread in self._threads[1:]:
            thread.join(_GRACE_S)
        return EmulationError(Problem(what, why="\n".join(self._complaints)))

    def close(self) -> None:
        """See `Session`."""
        if self._closed:
            return
        self._closed = True
        process = self._process
        process.terminate()
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for thread in self._threads:
            thread.join(_GRACE_S)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
