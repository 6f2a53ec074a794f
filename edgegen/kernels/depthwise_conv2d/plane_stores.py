"""Where the depthwise tile stores its outputs: instructions that follow r2 along a row.

Outputs of one channel lie a fixed number of bytes apart (`step`). Long rows have it as immediate
offsets. Rows of one or two words take it from a register, so that layers of different channel
counts share the code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgegen.kernels.depthwise_conv2d.plane_walk import Row, Word

MAX_OFFSET = 4095
"""Largest immediate offset of STRB, LDR and ADDW."""

_SHIFTS = {0: "", 1: "", 2: ", lsl #1", 4: ", lsl #2", 8: ", lsl #3"}
"""Multiples of a register that an address can hold."""


@dataclass(frozen=True)
class Stores:
    """Instructions for each part of a `Row`.

    Attributes:
        head: for each word before the loop.
        enter: between `head` and the loop.
        body: for each word of the loop.
        again: at the end of an iteration.
        tail: for each word after the loop.
        moved: output columns by which r2 has moved at the row's end.
    """

    head: tuple[tuple[str, ...], ...]
    enter: tuple[str, ...]
    body: tuple[tuple[str, ...], ...]
    again: tuple[str, ...]
    tail: tuple[tuple[str, ...], ...]
    moved: int


def fixed_stores(row: Row, step: int) -> Stores:
    """Stores with immediate offsets, `step` bytes from one output column to the next."""
    base = 0

    def move(column: int) -> tuple[str, ...]:
        nonlocal base
        distance, base = (column - base) * step, column
        return adjust("r2", distance, "r4")

    def store(word: Word) -> tuple[str, ...]:
        lines: list[str] = []
        for register, column in word.done:
            if (column - base) * step > MAX_OFFSET:
                lines += move(column)
            lines.append(f"strb {register}, [r2, #{(column - base) * step}]")
        return tuple(lines)

    head = tuple(store(w) for w in row.head)
    if not row.body:
        return Stores(head, (), (), (), (), base)
    start = row.body[0].columns[0]
    enter = move(start)
    body = tuple(store(w) for w in row.body)
    stride = sum(len(w.columns) for w in row.body)
    again = move(start + stride)
    base = start + row.repeats * stride
    return Stores(head, enter, body, again, tuple(store(w) for w in row.tail), base)


def stepped_stores(words: Sequence[Word], step: str) -> Stores:
    """Stores with the distance in register `step`."""
    base = 0
    parts: list[tuple[str, ...]] = []
    for word in words:
        lines: list[str] = []
        pending = list(word.done)
        while pending:
            near = [(r, c) for r, c in pending if c - base in _SHIFTS]
            for register, column in near:
                index = f", {step}{_SHIFTS[column - base]}" if column > base else ""
                lines.append(f"strb {register}, [r2{index}]")
            pending = [p for p in pending if p not in near]
            if pending:
                lines.append(f"add r2, r2, {step}")
                base += 1
        parts.append(tuple(lines))
    return Stores(tuple(parts), (), (), (), (), base)


def adjust(register: str, value: int, spare: str) -> tuple[str, ...]:
    """Instructions that add a constant to a low register; they may change the flags.

    >>> adjust("r0", 8, "r4"), adjust("r0", -300, "r4")
    (('adds r0, #8',), ('subw r0, r0, #300',))
    >>> adjust("r0", 70000, "r4")
    ('movw r4, #4464', 'movt r4, #1', 'adds r0, r4')
    """
    word, size = ("add", value) if value >= 0 else ("sub", -value)
    if size == 0:
        return ()
    if size <= 255:
        return (f"{word}s {register}, #{size}",)
    if size <= MAX_OFFSET:
        return (f"{word}w {register}, {register}, #{size}",)
    high = (f"movt {spare}, #{size >> 16}",) if size >> 16 else ()
    return (f"movw {spare}, #{size & 0xFFFF}", *high, f"{word}s {register}, {spare}")


def ahead(target: str, source: str, value: int) -> tuple[str, ...]:
    """Instructions for `target = source + value`, both low registers.

    >>> ahead("r4", "r0", 96), ahead("r4", "r0", 5000)
    (('addw r4, r0, #96',), ('movw r4, #5000', 'adds r4, r0'))
    """
    if value <= MAX_OFFSET:
        return (f"addw {target}, {source}, #{value}",)
    high = (f"movt {target}, #{value >> 16}",) if value >> 16 else ()
    return (f"movw {target}, #{value & 0xFFFF}", *high, f"adds {target}, {source}")
