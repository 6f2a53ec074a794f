"""Access orders of kernels that go over the pixels of an image, as times of reads and writes.

A kernel says when it computes each output pixel; an input pixel is read for the last time when the
last of the windows that contain it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from edgegen.ir import TensorType
from edgegen.kernels.base import KernelIO
from edgegen.kernels.formats import image
from edgegen.kernels.order import UNTOUCHED, Accesses, AccessOrder, Ints, by_byte
from edgegen.ops.window import Window


@dataclass(frozen=True)
class Reach:
    """Which inputs along one axis an output needs: `output * stride + offset`, where there are any.

    Attributes:
        inputs: number of inputs.
        stride: inputs from one output to the next.
        offsets: of the inputs that an output needs, from its own place.
    """

    inputs: int
    stride: int
    offsets: tuple[int, ...]

    @classmethod
    def of(cls, window: Window, inputs: int) -> Reach:
        """That of a sliding window."""
        before = window.before(inputs)
        taps = (tap * window.dilation - before for tap in range(window.size))
        return cls(inputs, window.stride, tuple(taps))

    @classmethod
    def run(cls, inputs: int, stride: int, size: int, before: int) -> Reach:
        """That of windows of `size` neighbours."""
        return cls(inputs, stride, tuple(range(-before, size - before)))

    def last_use(self, times: Ints, axis: int) -> Ints:
        """For each input the latest time of the outputs that need it, or `UNTOUCHED`.

        Args:
            times: of outputs; the axis `axis` is the one along which the windows slide.
            axis: its number.
        """
        outputs = np.moveaxis(times, axis, 0)
        found = np.full((self.inputs, *outputs.shape[1:]), UNTOUCHED, np.int64)
        places = np.arange(len(outputs)) * self.stride
        for offset in self.offsets:
            at = places + offset
            inside = (at >= 0) & (at < self.inputs)
            found[at[inside]] = np.maximum(found[at[inside]], outputs[inside])
        return np.moveaxis(found, 0, axis)


def reaches(io: KernelIO, windows: tuple[Window, Window]) -> tuple[Reach, Reach]:
    """Those of windows over height and width of input 0."""
    height, width, _ = image(io.input(0).type)
    return Reach.of(windows[0], height), Reach.of(windows[1], width)


def row_major(io: KernelIO) -> Ints:
    """Output pixels numbered row by row: int64 [height, width]."""
    height, width, _ = image(io.output.type)
    return np.arange(height * width, dtype=np.int64).reshape(height, width)


def pixel_order(io: KernelIO, times: Ints, windows: Iterable[Reach]) -> AccessOrder:
    """A pixel's window is read, all its channels, before any of its output is written.

    Args:
        io: the operator's tensors and formats; input 0 is the image.
        times: when each output pixel is computed, int64 [height, width].
        windows: over height and width of the input.
    """

    def promise() -> Accesses:
        reads = times
        for axis, reach in enumerate(windows):
            reads = reach.last_use(reads, axis)
        return whole_pixels(io, reads, times)

    return AccessOrder(promise)


def whole_pixels(io: KernelIO, reads: Ints, writes: Ints) -> Accesses:
    """Accesses whose times are those of pixels, whatever the channel; padding is one of them.

    Args:
        io: the operator's tensors and formats; input 0 is the image.
        reads: last read of each pixel of input 0, int64 [height, width].
        writes: first write of each output pixel.
    """
    source, target = io.input(0).type, io.output.type
    return by_byte(
        {0: io.input_formats[0].spread(_all_channels(reads, image(source)[2]), source)},
        io.output_format.spread(_all_channels(writes, image(target)[2]), target),
    )


def _all_channels(times: Ints, channels: int) -> Ints:
    return np.broadcast_to(times[:, :, np.newaxis], (*times.shape, channels))


def channel_order(io: KernelIO, windows: Iterable[Reach], inputs: int, outputs: int) -> AccessOrder:
    """Pixel by pixel, row-major, and one output channel after the other, in groups.

    Args:
        io: the operator's tensors and formats; input 0 is the image.
        windows: over height and width of the input.
        inputs: channels of a group; each of its outputs reads them all.
        outputs: output channels of a group.
    """

    def promise() -> Accesses:
        source, target = io.input(0).type, io.output.type
        count = image(target)[2]
        pixels = row_major(io)
        reads = pixels
        for axis, reach in enumerate(windows):
            reads = reach.last_use(reads, axis)
        # The last output that reads an input channel is the last one of its group.
        last = (np.arange(image(source)[2]) // inputs + 1) * outputs - 1
        used = reads[:, :, np.newaxis]
        used = np.where(used == UNTOUCHED, UNTOUCHED, used * count + last)
        written = pixels[:, :, np.newaxis] * count + np.arange(count)
        return by_byte(
            {0: io.input_formats[0].spread(used, source)},
            io.output_format.spread(written, target),
        )

    return AccessOrder(promise)


def value_order(io: KernelIO) -> AccessOrder:
    """Value by value in the order of a dense tensor, each read, for the last time, then written."""

    def promise() -> Accesses:
        kind = io.output.type
        times = np.arange(kind.elements, dtype=np.int64).reshape(image(kind))
        read = io.input_formats[0].spread(times, io.input(0).type, UNTOUCHED)
        return by_byte({0: read}, io.output_format.spread(times, kind, UNTOUCHED))

    return AccessOrder(promise)


def plane_order(io: KernelIO, multiplier: int) -> AccessOrder:
    """Channel by channel: all of an input channel is read before its outputs are written.

    Args:
        io: the operator's tensors and formats; input 0 is the image.
        multiplier: output channels for each input channel.
    """

    def promise() -> Accesses:
        source, target = io.input(0).type, io.output.type
        reads = np.broadcast_to(np.arange(image(source)[2]), image(source))
        writes = np.broadcast_to(np.arange(image(target)[2]) // multiplier, image(target))
        return by_byte(
            {0: io.input_formats[0].spread(reads, source)},
            io.output_format.spread(writes, target, UNTOUCHED),
        )

    return AccessOrder(promise)


def lines(io: KernelIO, reads: Ints, writes: Ints, *, transposed: bool) -> Accesses:
    """Accesses whose times are those of a channel's rows.

    Args:
        io: the operator's tensors and formats; input 0 is the image.
        reads: last read of each row and channel of input 0, int64 [rows, channels].
        writes: first write of each row and channel of the output.
        transposed: whether rows run along the height.
    """
    axis = 0 if transposed else 1

    def everywhere(times: Ints, kind: TensorType) -> Ints:
        return np.broadcast_to(np.expand_dims(times, axis), image(kind))

    source, target = io.input(0).type, io.output.type
    return by_byte(
        {0: io.input_formats[0].spread(everywhere(reads, source), source)},
        io.output_format.spread(everywhere(writes, target), target, UNTOUCHED),
    )


def whole_channels(io: KernelIO, reads: Ints, writes: Ints) -> Accesses:
    """Accesses whose times are those of a row's channels; padding has those of the last channel.

    Args:
        io: the operator's tensors and formats; input 0 is the image.
        reads: last read of each row and channel of input 0, int64 [height, channels].
        writes: first write of each row and channel of the output.
    """

    def everywhere(times: Ints, kind: TensorType) -> Ints:
        return np.broadcast_to(times[:, np.newaxis], image(kind))

    source, target = io.input(0).type, io.output.type
    return by_byte(
        {0: io.input_formats[0].spread(everywhere(reads, source), source)},
        io.output_format.spread(everywhere(writes, target), target),
    )


def line_order(io: KernelIO, fillings: Reach, outputs: int, *, transposed: bool) -> AccessOrder:
    """Channel by channel: rows are copied to scratch memory for a few output rows at a time.

    Args:
        io: the operator's tensors and formats; input 0 is the image.
        fillings: the input rows that a filling takes.
        outputs: output rows of a filling.
        transposed: whether rows run along the height.
    """

    def promise() -> Accesses:
        count, channels = image(io.output.type)[0 if not transposed else 1], io.output.type.shape[3]
        made = np.arange(count) // outputs
        total = int(made[-1]) + 1
        last = fillings.last_use(np.arange(total), 0)[:, np.newaxis]
        multiplier = channels // io.input(0).type.shape[3]
        # A single filling serves all outputs of an input channel; else each makes its own.
        user = np.arange(0, channels, multiplier) + (multiplier - 1 if total > 1 else 0)
        reads = np.where(last == UNTOUCHED, UNTOUCHED, user * total + last)
        writes = np.arange(channels) * total + made[:, np.newaxis]
        return lines(io, reads, writes, transposed=transposed)

    return AccessOrder(promise)


def band_order(io: KernelIO, high: Window, outputs: int, columns: int) -> AccessOrder:
    """The input rows of a few output rows are copied to scratch memory, then these are computed.

    Args:
        io: the operator's tensors and formats; input 0 is the image.
        high: window over its height.
        outputs: output rows of one filling.
        columns: pixels copied of each input row.
    """

    def promise() -> Accesses:
        height, width, _ = image(io.input(0).type)
        rows, length, _ = image(io.output.type)
        taken = (outputs - 1) * high.stride + high.extent
        reach = Reach.run(height, outputs * high.stride, taken, high.before(height))
        reads = np.full((height, width), UNTOUCHED, np.int64)
        used = reach.last_use(np.arange(-(-rows // outputs)), 0)
        reads[:, :columns] = used[:, np.newaxis]
        writes = np.arange(rows) // outputs
        return whole_pixels(io, reads, np.broadcast_to(writes[:, np.newaxis], (rows, length)))

    return AccessOrder(promise)


def beyond(order: AccessOrder, times: Ints, pixel: int, written: int, size: int) -> AccessOrder:
    """The same with pixels of which more bytes are written than they have: the next one's.

    Args:
        order: without them.
        times: when each output pixel is computed.
        pixel: bytes from one pixel to the next.
        written: bytes written of each.
        size: bytes of the output.
    """
    if written <= pixel:
        return order

    def promise() -> Accesses:
        accesses = order.accesses
        assert accesses is not None
        first = np.arange(times.size) * pixel
        more = np.column_stack((times.ravel(), first, np.minimum(first + written, size)))
        return Accesses(accesses.reads, np.concatenate((accesses.writes, more)))

    return AccessOrder(promise)
