"""The arena problem and its answer, as plain data.

A block is a byte range with a life; the planner gives every block an offset in one arena. Two
blocks alive in a common step must not share a byte, unless a `Relation` says which distances
between them are safe: that is how a kernel that may write its output over its dying input is
expressed. Nothing here knows about tensors or kernels.

All sizes and offsets are bytes, all lives are step numbers, both ends included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edgegen.errors import InternalError, Problem

Interval = tuple[int, int]
"""An open interval `(low, high)` of bytes: the integers `low < d < high`."""


@dataclass(frozen=True)
class Block:
    """A range of bytes that must keep its contents during its life.

    Attributes:
        name: unique in the problem.
        size: bytes, 0 or more. A block of no bytes is in nobody's way.
        first: the step in which the block is first needed.
        last: the last step in which it is needed; `first <= last`.
        spans: first and last steps of its lives, in order, if it has several: what it holds does
            not matter in between.
    """

    name: str
    size: int
    first: int
    last: int
    spans: tuple[tuple[int, int], ...] = ()

    @property
    def lives(self) -> tuple[tuple[int, int], ...]:
        """First and last step of each life, in order."""
        return self.spans or ((self.first, self.last),)

    def alive_at(self, step: int) -> bool:
        """Tell whether a step needs the block."""
        return any(first <= step <= last for first, last in self.lives)

    def alive_with(self, other: Block) -> bool:
        """Tell whether some step needs both blocks."""
        if self.first > other.last or other.first > self.last:
            return False
        if not self.spans and not other.spans:
            return True
        mine, theirs = iter(self.lives), iter(other.lives)
        a, c = next(mine, None), next(theirs, None)
        while a and c:  # both in order: the one that ends first meets nothing that comes later
            if a[0] <= c[1] and c[0] <= a[1]:
                return True
            if a[1] < c[1]:
                a = next(mine, None)
            else:
                c = next(theirs, None)
        return False


@dataclass(frozen=True)
class Relation:
    """What replaces "these two blocks share no byte" for one pair.

    Attributes:
        a: name of one block.
        b: name of the other; both must be alive in a common step.
        forbidden: open intervals in bytes that `offset(b) - offset(a)` must not be in. The rule it
            replaces is the one interval `(-size(b), size(a))`. No interval: any distance is safe.
    """

    a: str
    b: str
    forbidden: tuple[Interval, ...]


@dataclass(frozen=True)
class ArenaProblem:
    """Blocks to place in one arena.

    Attributes:
        blocks: in any order; the answer depends on it only where choices are equally good.
        relations: at most one for a pair.
        alignment: every offset and the arena size are multiples of it, in bytes.

    Raises:
        InternalError: if names repeat, a life or size is impossible, or a relation names a block
            that does not exist, repeats a pair, or joins blocks that never live together.
    """

    blocks: tuple[Block, ...]
    relations: tuple[Relation, ...] = ()
    alignment: int = 4

    def __post_init__(self) -> None:
        problems = [*self._block_problems(), *self._relation_problems()]
        if problems:
            raise InternalError(problems)

    def _block_problems(self) -> Iterator[Problem]:
        if self.alignment < 1:
            yield Problem(f"the arena alignment {self.alignment} is not positive")
        seen: set[str] = set()
        for block in self.blocks:
            where = f"block {block.name}"
            if block.name in seen:
                yield Problem("the name is used twice", where)
            seen.add(block.name)
            if block.size < 0:
                yield Problem(f"the size {block.size} is negative", where)
            if block.first > block.last:
                yield Problem(f"it dies in step {block.last}, born in {block.first}", where)
            ends = [step for span in block.spans for step in span]
            if ends and (ends != sorted(ends) or (ends[0], ends[-1]) != (block.first, block.last)):
                yield Problem(
                    f"the lives {block.spans} are not in order from birth to death", where
                )

    def _relation_problems(self) -> Iterator[Problem]:
        by_name = {block.name: block for block in self.blocks}
        seen: set[frozenset[str]] = set()
        for relation in self.relations:
            where = f"relation {relation.a} - {relation.b}"
            unknown = [name for name in (relation.a, relation.b) if name not in by_name]
            if unknown:
                yield Problem(f"there is no block {' or '.join(unknown)}", where)
                continue
            pair = frozenset((relation.a, relation.b))
            if relation.a == relation.b:
                yield Problem("a block cannot be related to itself", where)
            elif not by_name[relation.a].alive_with(by_name[relation.b]):
                yield Problem("the two blocks never live together", where)
            if pair in seen:
                yield Problem("the pair has two relations", where)
            seen.add(pair)


@dataclass(frozen=True)
class ArenaPlan:
    """An offset for every block.

    Attributes:
        offsets: bytes from the start of the arena, by block name.
        size: arena bytes, a multiple of the alignment.
        lower_bound: bytes that no plan can go below. `size - lower_bound` is the gap.
        peak_step: the step that needs the most bytes on its own (the earliest, if several do).
        proved: no smaller arena exists; the same as a gap of 0.
        method: what found the offsets, for the report.
        peak_blocks: names of the blocks alive in `peak_step`, in the problem's order.
    """

    offsets: Mapping[str, int]
    size: int
    lower_bound: int
    peak_step: int
    proved: bool
    method: str
    peak_blocks: tuple[str, ...]


def round_up(value: int, multiple: int) -> int:
    """Return the smallest multiple of `multiple` that is at least `value` (which may be < 0)."""
    return -(-value // multiple) * multiple


def overlap_relation(
    x: Block, y: Block, *, forward: int | None, reverse: int | None, alignment: int
) -> Relation:
    """Relate an input that dies in a step to the output born in it.

    A kernel that goes forward through memory may write over its input if `x - y >= D`; one that
    goes backward, if `(y + size(y)) - (x + size(x)) >= D'`. The plan is free to take either, and
    disjoint places are always safe. D is `1 + max(i - j)` over the output bytes i that are written
    before the last read of input byte j; D' is the mirror image. Both are rounded up to distances
    that aligned offsets can have. If two inputs die in the step, one direction must suit both:
    use `in_place_relation` there.

    Args:
        x: the input; its last step is the step of the kernel.
        y: the output; its first step is the step of the kernel.
        forward: D in bytes, may be negative, or None if there is no forward kernel that overlaps.
        reverse: D' in bytes, or None if there is no backward kernel that overlaps.
        alignment: the alignment of the arena in bytes.

    Returns:
        The relation, with no forbidden interval if every distance is safe one way or the other.

    Raises:
        InternalError: if x outlives the step in which y is born: then y would destroy it.
    """
    _require_handover(x, y)
    return apart(x, y, forward=forward, reverse=reverse, alignment=alignment)


def apart(
    x: Block,
    y: Block,
    *,
    forward: int | None,
    reverse: int | None,
    alignment: int,
    in_place: bool = False,
) -> Relation:
    """Relate a dying block to one that is written while it dies, however many steps that takes.

    The arguments are those of `overlap_relation`; distances must hold for all of these steps.
    `in_place`: a distance of 0 is safe, even if its neighbours are not.
    """
    if x.size == 0 or y.size == 0:
        return Relation(x.name, y.name, ())
    below = y.size if forward is None else min(forward, y.size)
    above = x.size if reverse is None else min(x.size + reverse - y.size, x.size)
    low, high = -round_up(below, alignment), round_up(above, alignment)
    parts = ((low, 0), (0, high)) if in_place and low < 0 < high else ((low, high),)
    return Relation(x.name, y.name, parts if low < high else ())


def in_place_relation(x: Block, y: Block) -> Relation:
    """Relate a dying input to an output that may take exactly its place, or a disjoint one.

    For kernels with a second input that dies in the same step, where one direction of overlap
    could harm the other input.

    Args:
        x: the input; its last step is the step of the kernel.
        y: the output; its first step is the step of the kernel.

    Returns:
        The relation that allows a distance of 0 and those of disjoint places.

    Raises:
        InternalError: if x outlives the step in which y is born.
    """
    _require_handover(x, y)
    if x.size == 0 or y.size == 0:
        return Relation(x.name, y.name, ())
    return Relation(x.name, y.name, ((-y.size, 0), (0, x.size)))


def safe_orders(
    x: Block, y: Block, *, forward: int | None, reverse: int | None, difference: int
) -> tuple[bool, bool]:
    """Tell which directions of traversal are safe once the offsets are known.

    Args:
        x: the input that dies in the step of the kernel.
        y: the output born in it.
        forward: D in bytes as in `overlap_relation`, or None.
        reverse: D' in bytes as in `overlap_relation`, or None.
        difference: `offset(y) - offset(x)` in bytes.

    Returns:
        Whether going forward is safe, and whether going backward is.
    """
    disjoint = difference >= x.size or -difference >= y.size or x.size == 0 or y.size == 0
    ahead = forward is not None and -difference >= forward
    behind = reverse is not None and difference + y.size - x.size >= reverse
    return disjoint or ahead, disjoint or behind


def _require_handover(x: Block, y: Block) -> None:
    if x.last != y.first:
        raise InternalError(
            Problem(
                f"{x.name} dies in step {x.last} but {y.name} is born in step {y.first}",
                f"relation {x.name} - {y.name}",
                "an output may only share bytes with an input that dies in its own step",
            )
        )
