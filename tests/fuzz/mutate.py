"""Deterministic damage to model files."""

from __future__ import annotations

import struct
from collections.abc import Callable

from tests.support.data import raw

INTEGERS = (0, 1, 2, -1, -2, 0x7F, 0xFF, 0x7FFF, 0x10000, 1 << 24, 1 << 28, 2**31 - 1, -(2**31))
FLOATS = (0.0, -0.0, -0.1, 1e-45, 1e-30, 1e30, 3.4e38, float("inf"), float("nan"))


class Dice:
    """Random numbers for one mutant, from its key alone."""

    def __init__(self, key: str) -> None:
        self._words = iter([int(w) for w in raw(key, 256)])

    def below(self, limit: int) -> int:
        """An integer in [0, limit)."""
        return (next(self._words) >> 11) % max(limit, 1)

    def pick(self, choices: tuple[float, ...]) -> float:
        """One of `choices`."""
        return choices[self.below(len(choices))]


def flip_bits(data: bytearray, dice: Dice) -> None:
    """One to eight bits."""
    for _ in range(1 + dice.below(8)):
        data[dice.below(len(data))] ^= 1 << dice.below(8)


def overwrite_bytes(data: bytearray, dice: Dice) -> None:
    """One to sixteen bytes with 0, 255 or anything."""
    for _ in range(1 + dice.below(16)):
        data[dice.below(len(data))] = (0, 255, dice.below(256))[dice.below(3)]


def truncate(data: bytearray, dice: Dice) -> None:
    """Anywhere, even in the header."""
    del data[dice.below(len(data)) :]


def swap_chunks(data: bytearray, dice: Dice) -> None:
    """Two chunks of equal length trade places."""
    size = 1 + dice.below(64)
    a, b = dice.below(len(data)), dice.below(len(data))
    data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]


def blow_up_integer(data: bytearray, dice: Dice) -> None:
    """An aligned 32-bit field: an offset, a count, a dimension, an option."""
    for _ in range(1 + dice.below(2)):
        position = 4 * dice.below(len(data) // 4)
        data[position : position + 4] = struct.pack("<i", int(dice.pick(INTEGERS)))


def nudge_integer(data: bytearray, dice: Dice) -> None:
    """An aligned 32-bit field changes by a little: nearly right."""
    position = 4 * dice.below(len(data) // 4)
    (value,) = struct.unpack_from("<I", data.ljust(position + 4, b"\0"), position)
    step = (1, 2, 4, 8)[dice.below(4)] * (1 if dice.below(2) else -1)
    data[position : position + 4] = struct.pack("<I", (value + step) & 0xFFFFFFFF)


def overwrite_float(data: bytearray, dice: Dice) -> None:
    """An aligned 32-bit field becomes a strange scale."""
    position = 4 * dice.below(len(data) // 4)
    data[position : position + 4] = struct.pack("<f", dice.pick(FLOATS))


def change_length(data: bytearray, dice: Dice) -> None:
    """Bytes vanish or are doubled, so that every later offset is wrong."""
    position, size = dice.below(len(data)), 1 + dice.below(16)
    if dice.below(2):
        del data[position : position + size]
    else:
        data[position:position] = data[position : position + size]


MUTATIONS: tuple[Callable[[bytearray, Dice], None], ...] = (
    flip_bits,
    overwrite_bytes,
    truncate,
    swap_chunks,
    blow_up_integer,
    nudge_integer,
    overwrite_float,
    change_length,
)


def mutant(seeds: tuple[bytes, ...], index: int) -> bytes:
    """The model file number `index`: one of `seeds` with one kind of damage."""
    dice = Dice(f"mutant {index}")
    damage = MUTATIONS[index % len(MUTATIONS)]
    data = bytearray(seeds[dice.below(len(seeds))])
    damage(data, dice)
    if damage is not truncate and dice.below(2):
        # Without the identifier a file is refused at once: keep it in half of them.
        data[4:8] = b"TFL3"
    return bytes(data)
