"""Dense layer for Armv7-M: four units at a time, two products in one multiplication.

A word of weights holds one tap of four units as w + 128. Its even bytes, as the number
a + 65536 c, times an unsigned input hold both products without a carry between them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from edgegen.ir import Op, OpIO
from edgegen.kernels.base import Cost, Formats, Kernel, KernelIO, Packed, Piece
from edgegen.kernels.formats import DENSE, HWC, Format, Layout, image, round_up
from edgegen.kernels.gemm import add, stream_constant
from edgegen.kernels.order import Accesses, AccessOrder, steps
from edgegen.kernels.pixel_pairs import finish_cost, finish_piece, finish_variables
from edgegen.kernels.signed_layer import signed_layer
from edgegen.kernels.solved import Solved
from edgegen.ops.fully_connected import FullyConnected
from edgegen.target.cores import Core

BODY = 32
"""Most taps of a round: 1.3 kB of code, 2 % of its cycles spent on the loop."""
BLOCK = 4
"""Units that the tile computes at a time."""
DRIVER_BYTES = 200
"""Code of the driver."""
COPY_CYCLES = 9
"""Cycles of the driver for an input, measured."""


@dataclass(frozen=True)
class Shape:
    """Sizes of a layer.

    Attributes:
        rows: rows of inputs.
        in_row: bytes from one row of inputs to the next.
        out_row: bytes from one row of outputs to the next.
        depth: inputs of a row.
        body: taps of a round.
        units: outputs of a row.
        copied: outputs of a row if they go through scratch memory, else 0.
    """

    rows: int
    in_row: int
    out_row: int
    depth: int
    body: int
    units: int
    copied: int

    @classmethod
    def of(cls, op: FullyConnected, io: KernelIO) -> Shape:
        """The sizes for the formats of `io`."""
        units, depth = io.input(1).type.shape
        dense = io.output_format.layout is Layout.DENSE
        channels = image(io.input(0).type)[2]
        padded = io.input_formats[0].layout is Layout.HWC and channels == depth
        return cls(
            op.rows(io),
            round_up(depth, 4) if padded else depth,
            units if dense else round_up(units, 4),
            depth,
            # Few rounds of many taps, and little padding in the last one.
            round_up(-(-depth // -(-depth // BODY)), 4),
            units,
            # A dense buffer has no room for what is computed beyond the last unit.
            units if dense and units % BLOCK else 0,
        )

    @property
    def padded(self) -> int:
        """Inputs of a row with padding."""
        return round_up(self.depth, self.body)

    @property
    def blocks(self) -> int:
        """Blocks of units, dummy units in the last one."""
        return -(-self.units // BLOCK)


class V7mFullyConnected(Kernel[FullyConnected]):
    """Rows of any length."""

    op: ClassVar[type[Op]] = FullyConnected
    name: ClassVar[str] = "v7m"
    requires: ClassVar[frozenset[str]] = frozenset({"armv7m"})
    code_bytes: ClassVar[int] = DRIVER_BYTES

    def rejects(self, op: FullyConnected, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """See `Kernel.rejects`."""
        if io.input(0).data is not None:
            return "the input is a constant"
        if signed_layer(op, io) is None:
            return "no requantisation constants could be proved"
        return ""

    def formats(self, op: FullyConnected, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """See `Kernel.formats`."""
        rest = tuple(DENSE for _ in io.inputs[1:])
        return tuple(
            Formats((source, *rest), target) for source in _sources(io) for target in (HWC, DENSE)
        )

    def scratch_bytes(self, op: FullyConnected, io: KernelIO) -> int:
        """A row of inputs, and one of outputs that must not go straight to its buffer."""
        shape = Shape.of(op, io)
        return shape.padded + round_up(shape.copied, BLOCK)

    def code(self, op: FullyConnected, io: KernelIO) -> Mapping[str, int]:
        """See `Kernel.code`: 38 bytes a tap of the tile's body."""
        tile = _tile(Shape.of(op, io), _solved(op, io), signed=_signed(io))
        end = 280 if tile.variables["form"] == "linear" else 380
        return {
            self.path: DRIVER_BYTES,
            f"v7m_dense {tile.variant}": 38 * tile.variables["body"] + end,
        }

    def order(self, op: FullyConnected, io: KernelIO) -> AccessOrder:
        """See `Kernel.order`: a row is read before the first of its outputs is written."""
        shape = Shape.of(op, io)

        def promise() -> Accesses:
            row = np.arange(shape.rows, dtype=np.int64)
            read, written = row * shape.in_row, row * shape.out_row
            units = shape.copied or BLOCK * shape.blocks
            return steps((read, read + shape.depth), (written, written + units))

        return AccessOrder(promise)

    def cost(self, op: FullyConnected, io: KernelIO) -> Cost:
        """See `Kernel.cost`: the tile counted from its template, the driver measured."""
        shape, solved = Shape.of(op, io), _solved(op, io)
        groups, rounds = shape.padded // 4, shape.padded // shape.body
        finish = finish_cost(solved, 1)
        after = bool(solved.saturation.offset) + (io.output_format.layout is Layout.DENSE)
        instructions = 41 * groups + 5 * rounds + 11 + 4 * finish.instructions + 11 + after
        cycles = 42 * groups + 8 * rounds + 12 + 4 * finish.cycles + 14 + after
        row = COPY_CYCLES * shape.depth + 60 + (20 + shape.copied if shape.copied else 0)
        return Cost(
            shape.rows * (shape.blocks * instructions + row * 3 // 4),
            shape.rows * (shape.blocks * cycles + row),
        )

    def flash_bytes(self, op: FullyConnected, io: KernelIO) -> int:
        """See `Kernel.flash_bytes`."""
        shape = Shape.of(op, io)
        return BLOCK * shape.blocks * (shape.padded + 4 * _solved(op, io).words_per_channel)

    def pack(self, op: FullyConnected, io: KernelIO) -> Packed:
        """See `Kernel.pack`."""
        shape, solved = Shape.of(op, io), _solved(op, io)
        stream = _stream(io, shape, solved)
        return Packed(
            constants=(stream_constant(stream),),
            call={
                "words": stream.size,
                "rows": shape.rows,
                "in_row": shape.in_row,
                "out_row": shape.out_row,
                "depth": shape.depth,
                "padded": shape.padded,
                "flip": 128 if io.input_formats[0].layout is Layout.DENSE else 0,
                "copied": shape.copied,
            },
            pieces={
                "requantise": finish_piece(solved, signed=_signed(io)),
                "tile": _tile(shape, solved, signed=_signed(io)),
            },
        )


def _signed(io: KernelIO) -> bool:
    return io.output_format.layout is Layout.DENSE


def _tile(shape: Shape, solved: Solved, *, signed: bool) -> Piece:
    variables = {
        **finish_variables(solved, signed=signed),
        "body": shape.body,
        "groups": shape.body // 4,
        "next_weights": add("r1", 4 * shape.body, "lr"),
        "block": 16 * solved.words_per_channel,
    }
    finish = finish_piece(solved, signed=signed).variant
    return Piece("v7m_dense", f"{shape.body}_{solved.k}_{finish}", variables)


def _solved(op: FullyConnected, io: OpIO) -> Solved:
    solved = signed_layer(op, io)
    assert solved is not None
    return solved


def _sources(io: OpIO) -> tuple[Format, ...]:
    """Formats of inputs whose rows follow each other in steps of constant size."""
    depth, channels = io.input(1).type.shape[1], image(io.input(0).type)[2]
    whole = channels == depth or channels % 4 == 0
    return (HWC, DENSE) if whole else (DENSE,)


def _stream(io: KernelIO, shape: Shape, solved: Solved) -> npt.NDArray[np.uint32]:
    """Of each block: a word w + 128 of four units for each tap, then their constants.

    The tile's sum of (w + 128) u exceeds that of w q by 128 times the inputs' sum, which it
    subtracts, and by 128 times the weights' sum, which goes into the constants.
    """
    weights = np.where(solved.constant[:, np.newaxis], 0, io.input(1).values.astype(np.int64))
    words = solved.words.copy()
    words[:, 0] -= (128 * weights.sum(axis=1)) << solved.k
    extra = -len(weights) % BLOCK
    weights = np.pad(weights, ((0, extra), (0, shape.padded - shape.depth))) + 128
    blocks = weights.reshape(shape.blocks, BLOCK, -1).transpose(0, 2, 1)
    packed = (blocks << np.arange(0, 32, 8)).sum(axis=2).astype(np.uint32)
    tail = (np.pad(words, ((0, extra), (0, 0))) & 0xFFFFFFFF).astype(np.uint32)
    result: npt.NDArray[np.uint32] = np.concatenate(
        [packed, tail.reshape(shape.blocks, -1)], axis=1
    ).ravel()
    return result
