"""Instructions, cycles and bytes of the 3x3 depthwise tile, counted as the template emits them."""

from __future__ import annotations

from edgegen.kernels.base import Cost
from edgegen.kernels.depthwise_conv2d.finish import Count
from edgegen.kernels.depthwise_conv2d.plane_tile import Tile
from edgegen.kernels.depthwise_conv2d.plane_walk import NONE, Word

_BYTES = 3.5
"""Of an instruction, on average: most take four bytes, loads and address steps often two."""


def plane_cost(tile: Tile, channels: int) -> Cost:
    """Instructions and Cortex-M4 cycles of a call."""
    count = _channel(tile, static=False)
    return Cost(channels * count.instructions + 6, channels * count.cycles + 26)


def plane_code(tile: Tile) -> int:
    """Bytes of the tile's code, about."""
    return round(_BYTES * (_channel(tile, static=True).instructions + 6))


def _channel(tile: Tile, *, static: bool) -> Count:
    """What one channel takes; with `static`, every instruction once."""
    count = Count()
    for i, group in enumerate(tile.groups):
        times = 1 if static else group.count
        _row(count, tile, group.taps, times, static=static)
        # End of row: two addresses, the loop's limit, comparison and branch.
        count.add(5 if group.count > 1 else 2, 2 if group.count > 1 else 0, times)
        if tile.stepped:
            count.add(1, 0, times)
        if group.count > 1:
            count.add(2, -2)
        if tile.corrected:
            count.add(5 * len(group.missing), len(group.missing))
            fresh = i > 0 and bool(tile.groups[i - 1].missing)
            count.add(int(fresh), int(fresh))
    # Constants, addresses, end of channels.
    registers = tile.registers
    if registers.base == "sp":
        count.add(10, 2 * tile.words_per_channel + 5)
    else:
        count.add(7 + bool(registers.held_u) + bool(registers.held_v), 4)
    if tile.stepped:
        count.add(2, 0)
    return count


def _row(count: Count, tile: Tile, taps: int, times: int, *, static: bool) -> None:
    row, stores = tile.row, tile.stores
    for i, (word, lines) in enumerate(zip(row.head, stores.head, strict=True)):
        _word(count, tile, word, lines, taps, times, follows=i > 0)
    if not row.body:
        return
    rounds = times if static else times * row.repeats
    count.add(2 + len(stores.enter), 0, times)
    for i, (word, lines) in enumerate(zip(row.body, stores.body, strict=True)):
        _word(count, tile, word, lines, taps, rounds, follows=i > 0)
    count.add(4 + len(stores.again), 2, rounds)
    count.add(0, -2, times)
    for i, (word, lines) in enumerate(zip(row.tail, stores.tail, strict=True)):
        _word(count, tile, word, lines, taps, times, follows=i > 0)


def _word(
    count: Count,
    tile: Tile,
    word: Word,
    lines: tuple[str, ...],
    taps: int,
    times: int,
    *,
    follows: bool,
) -> None:
    """Counts a word; one that follows another starts with a load right after a store."""
    registers = tile.registers
    held = bool(registers.held_u) + bool(registers.held_v)
    sides = sum(s != NONE for s in (word.left, word.right)) if tile.corrected else 0
    widening = 1 + (word.pixels > 2)
    # Loads come in groups, one for each row of taps; a group costs a cycle more than it has loads.
    count.add(3 * taps - held, taps, times)
    count.add(taps * (widening + word.multiplies + 2 * sides), 0, times)
    if follows and lines and lines[-1].startswith("strb"):
        count.add(0, -1, times)
    if not word.done:
        return
    tile.finish.count(count, len(word.done), times)
    count.add(len(lines), 0, times)
    if tile.stepped and not registers.step:
        count.add(1, 1, times)
