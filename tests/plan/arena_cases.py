"""Arena problems for tests: hand-written models, random graphs, and Hypothesis strategies."""

from __future__ import annotations

import random
from collections.abc import Sequence

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from edgegen.plan.blocks import (
    ArenaProblem,
    Block,
    Interval,
    Relation,
    in_place_relation,
    overlap_relation,
)
from tests.plan.arena_kernels import Window

STEADY = settings(
    derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
"""The same examples in every run, however busy the machine is."""


def graph_blocks(sizes: Sequence[int], reads: Sequence[Sequence[int]]) -> tuple[Block, ...]:
    """Block 0 is the input; step k reads the blocks in reads[k] and writes block k + 1."""
    last = {source: step for step, sources in enumerate(reads) for source in sources}
    end = len(reads) - 1
    return tuple(
        Block(f"t{k}", size, max(k - 1, 0), last.get(k, end)) for k, size in enumerate(sizes)
    )


def chain(sizes: Sequence[int]) -> ArenaProblem:
    """A model in which each op reads what the one before wrote."""
    return ArenaProblem(graph_blocks(sizes, [(k,) for k in range(len(sizes) - 1)]))


# Activation bytes of the MLPerf Tiny reference models, in order; reshapes are aliases.
KWS = chain([490, *[8000] * 9, 64, 12, 12])
_VWW_FRONT = [27648, 18432, 18432, 36864, 9216, *[18432] * 3, 4608, *[9216] * 3, 2304]
VWW = chain([*_VWW_FRONT, *[4608] * 11, 1152, *[2304] * 3, 256, 2, 2])
AD = chain([640, *[128] * 4, 8, *[128] * 4, 640])

_IC_SIZES = [3072, *[16384] * 4, *[8192] * 4, *[4096] * 4, 64, 10, 10]
_IC_FRONT = [(0,), (1,), (2,), (1, 3), (4,), (5,), (4,), (7, 6), (8,), (9,), (8,), (11, 10)]
_IC_READS = [*_IC_FRONT, (12,), (13,), (14,)]
IC = ArenaProblem(graph_blocks(_IC_SIZES, _IC_READS))


def kws_kernels() -> list[Window]:
    """The convolutions of the keyword model, writing byte by byte."""
    depthwise, pointwise = Window(25, 5, 64, 64, depthwise=True), Window(25, 5, 64, 64, (1, 1))
    return [Window(49, 10, 1, 64, (10, 4), 2), *[depthwise, pointwise] * 4]


def vww_kernels() -> list[Window]:
    """The convolutions of the person model (MobileNet v1 0.25), writing byte by byte."""
    kernels = [Window(96, 96, 3, 8, stride=2)]
    side, channels = 48, 8
    tail = [(1, 128)] * 5 + [(2, 256), (1, 256)]
    for stride, wide in [(1, 16), (2, 32), (1, 32), (2, 64), (1, 64), (2, 128), *tail]:
        kernels.append(Window(side, side, channels, channels, stride=stride, depthwise=True))
        side = kernels[-1].out_height
        kernels.append(Window(side, side, channels, wide, (1, 1)))
        channels = wide
    return kernels


def overlapped_chain(
    problem: ArenaProblem, kernels: Sequence[Window], *, both: bool
) -> ArenaProblem:
    """Let the kernels of a chain, and the pool after them, write over their inputs."""
    relations = []
    for x, y, kernel in zip(problem.blocks, problem.blocks[1:], [*kernels, None], strict=False):
        forward, reverse = kernel.distances if kernel else (0, 0)
        relations.append(
            overlap_relation(x, y, forward=forward, reverse=reverse if both else None, alignment=4)
        )
    return ArenaProblem(problem.blocks, tuple(relations))


def overlapped_ic() -> ArenaProblem:
    """ResNet-8 with overlapping convolutions and additions in place."""
    kernels = {
        0: Window(32, 32, 3, 16),
        2: Window(32, 32, 16, 16),
        5: Window(16, 16, 32, 32),
        6: Window(32, 32, 16, 32, (1, 1), stride=2),
        9: Window(8, 8, 64, 64),
        10: Window(16, 16, 32, 64, (1, 1), stride=2),
    }
    relations = []
    for step, sources in enumerate(_IC_READS):
        y = IC.blocks[step + 1]
        for x in (IC.blocks[source] for source in sources):
            if x.last != step:
                continue
            if len(sources) == 2:
                relations.append(in_place_relation(x, y))
            elif step in kernels:
                forward, reverse = kernels[step].distances
                relations.append(
                    overlap_relation(x, y, forward=forward, reverse=reverse, alignment=4)
                )
    return ArenaProblem(IC.blocks, tuple(relations))


def random_lives(seed: int, count: int, steps: int, longest: int, sizes: range) -> ArenaProblem:
    """Blocks with random lives and sizes (in words): packing puzzles, unlike any model."""
    dice = random.Random(seed)
    blocks = []
    for k in range(count):
        first = dice.randrange(steps)
        last = min(steps - 1, first + dice.randrange(longest))
        blocks.append(Block(f"b{k}", 4 * dice.choice(sizes), first, last))
    return ArenaProblem(tuple(blocks))


def random_graph(seed: int, count: int) -> ArenaProblem:
    """A wildly branching model with overlapping and in-place kernels."""
    dice = random.Random(seed)
    reads = []
    for step in range(count - 1):
        near = range(max(0, step - 4), step + 1)
        reads.append(dice.sample(near, min(len(near), dice.choice([1, 1, 2, 3]))))
    return _with_overlap(dice, reads)


def long_model(seed: int, count: int) -> ArenaProblem:
    """A chain with a residual addition after every third op, overlapping where it can."""
    dice = random.Random(seed)
    reads = [(k, k - 2) if k % 3 == 2 else (k,) for k in range(count - 1)]
    return _with_overlap(dice, reads)


def _with_overlap(dice: random.Random, reads: Sequence[Sequence[int]]) -> ArenaProblem:
    """Give the blocks of a graph random sizes, and overlap to the kernels that allow it."""
    count = len(reads) + 1
    sizes = [dice.choice([1, 2, 3, 5, 8, 12]) * dice.choice([4, 10, 64]) for _ in range(count)]
    blocks = graph_blocks(sizes, reads)
    relations = []
    for step, sources in enumerate(reads):
        y = blocks[step + 1]
        dying = [blocks[source] for source in sources if blocks[source].last == step]
        for x in dying:
            if len(sources) > 1:
                relations.append(in_place_relation(x, y))
            else:
                forward, reverse = dice.randrange(-8, y.size), dice.randrange(-8, y.size)
                relations.append(
                    overlap_relation(x, y, forward=forward, reverse=reverse, alignment=4)
                )
    return ArenaProblem(blocks, tuple(relations))


@st.composite
def problems(draw: st.DrawFn, most: int = 9, related: bool = True) -> ArenaProblem:
    """Small problems of every kind: no blocks, no bytes, odd sizes, odd relations."""
    count = draw(st.integers(0, most))
    blocks = []
    for k in range(count):
        first = draw(st.integers(0, 6))
        last = first + draw(st.integers(0, 3))
        blocks.append(Block(f"b{k}", draw(st.integers(0, 30)), first, last))
    alignment = draw(st.sampled_from([1, 2, 4, 8]))
    pairs = [(a, b) for j, b in enumerate(blocks) for a in blocks[:j] if a.alive_with(b)]
    chosen = [pair for pair in pairs if related and draw(st.integers(0, 2)) == 0]
    relations = tuple(draw(_relation(a, b, alignment)) for a, b in chosen)
    return ArenaProblem(tuple(blocks), relations, alignment)


@st.composite
def _relation(draw: st.DrawFn, a: Block, b: Block, alignment: int) -> Relation:
    if draw(st.booleans()):
        a, b = b, a
    distance = st.none() | st.integers(-12, 30)
    if a.last == b.first and draw(st.booleans()):
        if draw(st.integers(0, 3)) == 0:
            return in_place_relation(a, b)
        forward, reverse = draw(distance), draw(distance)
        return overlap_relation(a, b, forward=forward, reverse=reverse, alignment=alignment)
    intervals: list[Interval] = []
    for _ in range(draw(st.integers(0, 3))):
        low = draw(st.integers(-40, 40))
        intervals.append((low, low + draw(st.integers(-2, 40))))
    return Relation(a.name, b.name, tuple(intervals))


def random_stream(seed: int) -> ArenaProblem:
    """An image that is consumed row by row, rings that may reach into it, and layers around it."""
    dice = random.Random(seed)
    count = dice.randint(2, 6)
    end = 2 * count + 2
    image = Block("image", 4 * dice.randint(8, 60), 0, end - dice.randint(0, 2))
    blocks, relations = [image], []
    for k in range(count):
        first = dice.randint(0, end // 2)
        last = dice.randint(first, end)
        ring = Block(f"ring{k}", 4 * dice.randint(1, 30), first, last)
        blocks.append(ring)
        if not image.alive_with(ring):
            continue
        # Mostly from below, as a run that goes forward allows it, and now and then in place.
        below = min(4 * dice.randint(-2, 12), image.size) - ring.size
        above = image.size - 4 * dice.choice([0, 0, 0, 3])
        whole = ((below, above),) if below < above else ()
        parts = ((below, 0), (0, above)) if below < 0 < above else whole
        relations.append(Relation("image", ring.name, dice.choice([whole, whole, parts])))
    blocks.append(Block("before", 4 * dice.randint(1, 40), 0, 0))
    blocks.append(Block("after", 4 * dice.randint(1, 40), end, end))
    return ArenaProblem(tuple(blocks), tuple(relations), 4)
