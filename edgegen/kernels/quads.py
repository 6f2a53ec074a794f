"""Four taps in two multiplications: the tile of Cortex-M0+ and Cortex-M3, which have no SMLAD.

MULS keeps the low half of a product. For signed inputs x0..x3 and weights w0..w3 let

    A = x0 + 2**16 x2,    B = x1 + 2**16 x3,    v = w + 128,

and let a weight word hold the bytes v2, v3, v0, v1, lowest first. REV16 swaps the bytes of each
half: v3, v2, v1, v0. There are two words Y0 and Y1, the solution of Y0 + 256 Y1 = A and
256 Y0 + Y1 = B modulo 2**32, with which word * Y0 + REV16(word) * Y1 is

    v2 A + v3 B + 2**16 (v0 A + v1 B) = 2**16 (v0 x0 + v1 x1 + v2 x2 + v3 x3) + (v2 x0 + v3 x1):

all four products in the upper half. Eliminating Y1 leaves Y0 (1 - 2**16) = A - 256 B, and the
inverse of 1 - 2**16 is 1 + 2**16: Y0 = (A - 256 B)(1 + 2**16), Y1 = B - 256 Y0. Adding
Y2 = 2**15 - 128 (1 + 2**16)(A + B) takes the 128 off the weights again and rounds, so that an
arithmetic shift by 16 leaves the sum of the four products: exactly, if it fits 16 bits and the
rest, w2 x0 + w3 x1, does too. So inputs cost three words for each four, made once for all channels,
and weights one byte each.

Where weights are too large for 16 bits, a part r of w0 or w1 is moved to a list of corrections,
r * x, which the tile adds one by one; the low bytes of Y0 and Y1 are x0 and x1.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgegen.kernels.base import Piece
from edgegen.kernels.formats import round_up
from edgegen.kernels.split import Split
from edgegen.quant.fixed_point import Int64

Int16 = npt.NDArray[np.int16]

UNROLLED = 16
"""Quads of a tile without loops, and of the body of one with a loop: 80 bytes of code each."""

QUAD_BYTES = 12
"""Y0, Y1 and Y2."""

BLOCKS = (5, 4, 3, 2, 1)
"""Channels that a tile can compute at a time: accumulators fill the high registers."""

ACCUMULATORS = ("r8", "r9", "r10", "r11", "r12")

_LOADS = {5: (3, 2), 4: (2, 2), 3: (3,), 2: (2,), 1: (1,)}
"""How a block's weight words are loaded: into r3, r4 and r5."""

_BLOCK_CYCLES, _CHANNEL_CYCLES = 30, 2
"""Of a block besides quads, requantisation and runs: list of corrections, pointers, end."""


@dataclass(frozen=True)
class Runs:
    """Where the quads of one output lie.

    Attributes:
        quads: of one run, without gaps.
        steps: for each run the bytes from the end of the one before; the first is 0.
    """

    quads: int
    steps: tuple[int, ...] = (0,)

    @property
    def total(self) -> int:
        """Quads of one output."""
        return self.quads * len(self.steps)

    @property
    def offsets(self) -> Int64:
        """Byte offset of each quad from the first."""
        starts = np.cumsum(self.steps) + QUAD_BYTES * self.quads * np.arange(len(self.steps))
        within = QUAD_BYTES * np.arange(self.quads)
        offsets: Int64 = (starts[:, np.newaxis] + within).astype(np.int64).ravel()
        return offsets

    @property
    def unrolled(self) -> bool:
        """Whether a tile needs no loop."""
        return len(self.steps) == 1 and self.quads <= UNROLLED

    def passes(self) -> Int64:
        """What a tile with a loop walks: [n, 2], quads left out of its body and bytes to go first.

        A negative number ends the list.
        """
        rest, found = self.quads, []
        sizes = []
        while rest > 0:
            sizes.append(min(rest, UNROLLED))
            rest -= sizes[-1]
        for step in self.steps:
            found += [(UNROLLED - size, step * (i == 0)) for i, size in enumerate(sizes)]
        return np.array([*found, (-1, 0)], np.int64)


@dataclass(frozen=True)
class Tile:
    """A tile made to measure.

    Attributes:
        block: channels at a time.
        runs: where inputs lie.
        split: the requantisation.
        signed: whether it writes TFLite's int8 instead of u8.
    """

    block: int
    runs: Runs
    split: Split
    signed: bool

    @classmethod
    def best(cls, channels: int, runs: Runs, split: Split, *, signed: bool) -> Tile:
        """The tile that takes the least time for a number of channels."""
        tiles = [cls(block, runs, split, signed) for block in BLOCKS]
        return min(tiles, key=lambda t: t.cycles(channels))

    @property
    def variant(self) -> str:
        """Tells tiles apart by everything their code depends on."""
        quads = f"{self.runs.quads}" if self.runs.unrolled else "n"
        return f"{quads}x{self.block}_{self.split.variant(signed=self.signed)}"

    @property
    def pieces(self) -> dict[str, Piece]:
        """The tile and the requantisation of its portable twin."""
        requantise = self.split.piece(signed=self.signed)
        count = self.runs.quads if self.runs.unrolled else UNROLLED
        loads: list[dict[str, Any]] = []
        for size in _LOADS[self.block]:
            first = sum(len(load["pairs"]) for load in loads)
            pairs = [(f"r{3 + i}", ACCUMULATORS[first + i]) for i in range(size)]
            loads.append({"registers": _register_list(size), "pairs": pairs})
        variables = {
            **requantise.variables,
            "block": self.block,
            "accumulators": ACCUMULATORS[: self.block],
            "biases": f"{{r0-r{self.block - 1}}}" if self.block > 1 else "{r0}",
            "loads": loads,
            "quads": count,
            "looped": not self.runs.unrolled,
            "quad_code": 2 * (3 + len(loads) + 7 * self.block),
            "middle": (self.block + 1) // 2,
            "requantise": requantise.variant,
        }
        return {"requantise": requantise, "tile": Piece("v6m_quads", self.variant, variables)}

    def cycles(self, channels: int, corrections: int = 0) -> int:
        """Cycles of one call on a Cortex-M0+.

        Args:
            channels: of the output.
            corrections: of all channels.
        """
        quad = 6 + len(_LOADS[self.block]) + 8 * self.block
        passes = len(self.runs.passes())
        loop = 0 if self.runs.unrolled else 16 * (passes - 1) + 12
        each = _CHANNEL_CYCLES + self.split.cycles(signed=self.signed)
        block = quad * self.runs.total + loop + _BLOCK_CYCLES + each * self.block
        return 60 + -(-channels // self.block) * block + 17 * corrections


def _register_list(size: int) -> str:
    return "{r3}" if size == 1 else f"{{r3-r{2 + size}}}"


@dataclass(frozen=True)
class QuadWeights:
    """Weights that quads can multiply exactly, with what is left over.

    Attributes:
        weights: int16 [channels, quads, 4].
        residues: int16 [channels, quads, 2], to be added to the first two of each quad.
    """

    weights: Int16
    residues: Int16

    @property
    def corrections(self) -> Int64:
        """Number of corrections of each channel; one takes a residue of up to 7 bits."""
        each = -(-np.abs(self.residues) // 127)
        count: Int64 = each.sum(axis=(1, 2))
        return count


def fit_quads(weights: Int64) -> QuadWeights | None:
    """Moves what is too large for 16 bits to residues.

    Args:
        weights: [channels, quads, 4], int8 values.

    Returns:
        None where that is not enough: two weights of -128 in the last two places.
    """
    return _fit(weights.astype(np.int8).tobytes(), weights.shape)


@functools.lru_cache(maxsize=256)
def _fit(data: bytes, shape: tuple[int, ...]) -> QuadWeights | None:
    """See `fit_quads`; kernels ask for the same weights in many formats."""
    weights = np.frombuffer(data, np.int8).reshape(shape).astype(np.int16)
    fitted, residues = weights.copy(), np.zeros_like(weights[..., :2])
    for _ in range(2):
        excess = np.maximum(_excess(fitted), 0)
        largest = np.abs(fitted[..., :2]).argmax(axis=-1)[..., np.newaxis]
        value = np.take_along_axis(fitted[..., :2], largest, axis=-1)
        # A unit of weight is worth at least 127 units of the sum.
        part = np.sign(value) * np.minimum(-(-excess[..., np.newaxis] // 127), np.abs(value))
        np.put_along_axis(fitted[..., :2], largest, value - part, axis=-1)
        moved = np.take_along_axis(residues, largest, axis=-1) + part
        np.put_along_axis(residues, largest, moved, axis=-1)
    rest = _reach(fitted[..., 2:])
    if (_excess(fitted) > 0).any() or (rest[0] < -(1 << 15)).any() or (rest[1] >= 1 << 15).any():
        return None
    return QuadWeights(fitted, residues)


def _reach(weights: Int16) -> tuple[Int64, Int64]:
    """Least and greatest sum over the last axis, for inputs from -128 to 127."""
    total = weights.sum(axis=-1, dtype=np.int64)
    size = np.abs(weights).sum(axis=-1, dtype=np.int64)
    # 127 p - 128 n and 127 n - 128 p, for sums p of the positive ones and n of the negative ones
    least: Int64 = (-total - 255 * size) // 2
    greatest: Int64 = (-total + 255 * size) // 2
    return least, greatest


def _excess(weights: Int16) -> Int64:
    """By how much sums of quads may leave int16; 0 or less where they do not."""
    least, greatest = _reach(weights)
    excess: Int64 = np.maximum(greatest - 32767, -32768 - least)
    return excess


def pack_stream(fitted: QuadWeights, tile: Tile) -> npt.NDArray[np.uint32]:
    """Everything that the tile reads, in its order.

    For each block: biases, a weight word for each quad and channel, corrections and a 0, constants
    of each channel. A correction is the byte offset of its input in the low half, then 4 times the
    channel's place in the block, and in the top byte the residue.
    """
    split, block = tile.split, tile.block
    count = round_up(len(fitted.weights), block)
    extra = count - len(fitted.weights)
    live = ~split.constant[:, np.newaxis, np.newaxis]
    weights = np.pad(fitted.weights * live, ((0, extra), (0, 0), (0, 0)))
    residues = np.pad(fitted.residues * live, ((0, extra), (0, 0), (0, 0)))
    bias = np.pad(split.bias, (0, extra))
    constants = np.pad(split.words, ((0, extra), (0, 0)))
    places = (weights + 128)[..., [2, 3, 0, 1]] << np.array([0, 8, 16, 24])
    words = places.sum(axis=-1)  # [channel, quad]
    stream: list[Int64] = []
    for first in range(0, count, block):
        part = slice(first, first + block)
        listed = _corrections(residues[part], tile.runs.offsets)
        stream += [bias[part], words[part].T.ravel(), listed, constants[part].ravel()]
    return (np.concatenate(stream) & 0xFFFFFFFF).astype(np.uint32)


def _corrections(residues: Int16, offsets: Int64) -> Int64:
    """The list of one block, ended by 0."""
    entries = []
    for place, quad, tap in np.argwhere(residues):
        rest = int(residues[place, quad, tap])
        while rest:
            part = max(min(rest, 127), -127)
            entries.append(int(offsets[quad]) + 4 * tap | 4 * place << 16 | (part & 255) << 24)
            rest -= part
    return np.array([*entries, 0], np.int64)


def stream_words(channels: int, corrections: int, tile: Tile) -> int:
    """Length of `pack_stream`'s result."""
    blocks = -(-channels // tile.block)
    each = 1 + tile.runs.total + tile.split.words_per_channel
    return blocks * (tile.block * each + 1) + corrections


def group_taps(weights: Int64) -> Int64:
    """[..., taps] to [..., quads, 4], with weights of 0 at the end where taps are missing."""
    extra = -weights.shape[-1] % 4
    padded = np.pad(weights, [(0, 0)] * (weights.ndim - 1) + [(0, extra)])
    return padded.reshape(*weights.shape[:-1], -1, 4)


def quad_words(value: int) -> tuple[int, int, int]:
    """Y0, Y1 and Y2 of four equal inputs, as unsigned words.

    >>> [hex(w) for w in quad_words(-1)]
    ['0x1fe00ff', '0x1fe00ff', '0x2008100']
    """
    a = b = value * 0x10001
    y0 = (a - 256 * b) * 0x10001
    words = (y0, b - 256 * y0, (1 << 15) - 0x800080 * (a + b))
    return words[0] & 0xFFFFFFFF, words[1] & 0xFFFFFFFF, words[2] & 0xFFFFFFFF
