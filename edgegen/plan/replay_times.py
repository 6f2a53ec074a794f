"""When a call touches each byte of its buffers, as the replay of a plan sees it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edgegen.kernels.formats import image
from edgegen.kernels.order import AccessOrder
from edgegen.kernels.program import Buffer, KernelCall
from edgegen.kernels.rows import ByRows, one_row_site

Ints = npt.NDArray[np.int64]

EARLY, LATE = -1, 1 << 60
"""Before and after every access of a kernel."""

UNTOUCHED = -1
"""In place of a time."""


@dataclass
class RowOrder:
    """When a call that runs row by row touches the bytes of a row.

    A kernel of the ordinary kind keeps its own order on an image of one row; others promise groups
    of pixels.
    """

    call: KernelCall
    order: AccessOrder | None = None
    found: dict[int, Ints] = field(default_factory=dict)

    @classmethod
    def of(cls, call: KernelCall) -> RowOrder:
        """That of a call."""
        if isinstance(call.kernel, ByRows):
            return cls(call, call.kernel.kernel.order(call.op, one_row_site(call.io)))
        return cls(call)

    def reads(self, index: int, buffer: Buffer) -> Ints:
        """Last read of each byte of a row of input `index`."""
        if index not in self.found:
            self.found[index] = self._reads(index, buffer)
        return self.found[index]

    def writes(self, buffer: Buffer) -> Ints:
        """First write of each byte of an output row, and of what is spoilt beyond it."""
        if -1 not in self.found:
            self.found[-1] = self._writes(buffer)
        return self.found[-1]

    def _reads(self, index: int, buffer: Buffer) -> Ints:
        if self.order is not None:
            accesses = self.order.accesses
            promised = None if accesses is None else accesses.reads.get(index)
            return last_reads(promised, buffer.pitch + buffer.format.slack)[: buffer.pitch]
        rows, width = self.call.rows, image(buffer.type)[1]
        assert rows is not None
        if rows.group_pixels is None or rows.columns is None:
            return np.full(buffer.pitch, LATE)
        last = np.full(width, -1, np.int64)
        outputs = image(self.call.io.output.type)[1]
        for x in range(outputs):
            needed = rows.columns.needed(x, width)
            last[needed.start : needed.stop] = x // rows.group_pixels
        return np.repeat(last, buffer.pitch // width)

    def _writes(self, buffer: Buffer) -> Ints:
        if self.order is not None:
            accesses = self.order.accesses
            size = buffer.pitch + buffer.format.slack
            times = first_writes(None if accesses is None else accesses.writes, size)
            return times if (times[buffer.pitch :] >= 0).any() else times[: buffer.pitch]
        rows, width = self.call.rows, image(buffer.type)[1]
        assert rows is not None
        group = np.arange(width) // (rows.group_pixels or width)
        return np.repeat(group, buffer.pitch // width)


def last_reads(spans: Ints | None, size: int) -> Ints:
    """Time of each byte's last read, -1 for none; without a promise later than all."""
    if spans is None:
        return np.full(size, LATE)
    found = np.full(size, UNTOUCHED, np.int64)
    _assign(found, spans[np.argsort(spans[:, 0], kind="stable")])
    return found


def first_writes(spans: Ints | None, size: int) -> Ints:
    """Time of each byte's first write, -1 for none; without a promise before all reads."""
    if spans is None:
        return np.zeros(size, np.int64)
    found = np.full(size, UNTOUCHED, np.int64)
    _assign(found, spans[np.argsort(-spans[:, 0], kind="stable")])
    return found


def _assign(times: Ints, spans: Ints) -> None:
    """Writes the spans' times in their order, so that the last one stays."""
    lengths = spans[:, 2] - spans[:, 1]
    if not lengths.size:
        return
    starts = np.repeat(spans[:, 1] - np.append(0, lengths.cumsum()[:-1]), lengths)
    places = starts + np.arange(lengths.sum())
    times[places] = np.repeat(spans[:, 0], lengths)
