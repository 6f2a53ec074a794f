"""Streams: order of steps and rings, against plain simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegen.ir.row_window import ONE_ROW, RowWindow
from edgegen.kernels.stream import Feed, Stage, row_lives, schedule


def _chain(height: int, windows: list[RowWindow]) -> tuple[Stage, ...]:
    """Layers one after the other, fed by a buffer from outside."""
    stages = []
    for i, window in enumerate(windows):
        rows = -(-height // window.stride)
        stages.append(Stage(f"t{i + 1}", rows, (Feed(f"t{i}", height, window),)))
        height = rows
    return tuple(stages)


def _residual(height: int) -> tuple[Stage, ...]:
    """x -> a -> b, b + x: the block of a residual network."""
    three = RowWindow(3, before=1)
    return (
        Stage("x", height, (Feed("in", height, three),)),
        Stage("a", height, (Feed("x", height, three),)),
        Stage("b", height, (Feed("a", height, three),)),
        Stage("y", height, (Feed("b", height, ONE_ROW), Feed("x", height, ONE_ROW))),
    )


WINDOWS = st.builds(
    lambda taps, dilation, stride, before: RowWindow(taps, dilation, stride, min(before, taps - 1)),
    st.integers(1, 4),
    st.integers(1, 2),
    st.integers(1, 3),
    st.integers(0, 2),
)


def _replay(stages: tuple[Stage, ...], order: tuple[int, ...], rings: dict[str, int]) -> None:
    """Runs the order on rings that know which row each place holds; fails on a wrong row."""
    places = {s.output: [-1] * rings[s.output] for s in stages}
    done = [0] * len(stages)
    for index in order:
        stage = stages[index]
        for feed in stage.feeds:
            if feed.buffer in places:
                ring = places[feed.buffer]
                for row in stage.reads(feed, done[index]):
                    assert ring[row % len(ring)] == row, (index, done[index], row)
        written = done[index] if not stage.accumulates else 0
        done[index] += 1
        if not stage.accumulates or done[index] == stage.steps:
            ring = places[stage.output]
            ring[written % len(ring)] = written
    assert done == [s.steps for s in stages]


def _smallest(stages: tuple[Stage, ...], order: tuple[int, ...], name: str) -> int:
    """The smallest ring that the replay accepts."""
    lives = row_lives(stages, order)
    rings = {s.output: s.steps for s in stages}
    for size in range(1, len(lives[name].written) + 1):
        try:
            _replay(stages, order, {**rings, name: size})
        except AssertionError:
            continue
        return size
    raise AssertionError(f"no ring is large enough for {name}")


@given(st.integers(1, 12), st.lists(WINDOWS, min_size=1, max_size=5))
def test_every_row_is_computed_once_and_rings_are_as_small_as_can_be(
    height: int, windows: list[RowWindow]
) -> None:
    stages = _chain(height, windows)
    order = schedule(stages)
    lives = row_lives(stages, order)
    _replay(stages, order, {name: life.ring for name, life in lives.items()})
    for name, life in lives.items():
        assert life.ring == _smallest(stages, order, name)


def test_a_residual_block_keeps_three_rows_of_each_branch() -> None:
    stages = _residual(32)
    lives = row_lives(stages, schedule(stages))
    assert {name: life.ring for name, life in lives.items()} == {"x": 3, "a": 3, "b": 1, "y": 1}


def test_a_row_that_two_layers_read_lives_until_the_later_one() -> None:
    stages = _residual(8)
    order = schedule(stages)
    _replay(stages, order, {name: life.ring for name, life in row_lives(stages, order).items()})
    smaller = {name: life.ring for name, life in row_lives(stages, order).items()} | {"x": 2}
    with pytest.raises(AssertionError):
        _replay(stages, order, smaller)


def test_sums_take_rows_as_they_come() -> None:
    pool = Stage("mean", 6, (Feed("t1", 6, RowWindow(6)),), accumulates=True)
    stages = (*_chain(6, [RowWindow(3, before=1)]), pool)
    order = schedule(stages)
    lives = row_lives(stages, order)
    assert order == (0, 1) * 6
    assert lives["t1"].ring == 1
    assert lives["mean"].written.tolist() == [len(order) - 1]


def test_spans_of_a_single_row_are_its_own() -> None:
    stages = _residual(4)
    order = schedule(stages)
    life = row_lives(stages, order)["b"]
    busy = np.zeros(len(order), bool)
    for first, last in life.spans(1):
        assert not busy[first : last + 1].any()
        busy[first : last + 1] = True
    assert len(life.spans(1)) == 4


def test_a_shortcut_runs_early_where_that_saves_rows() -> None:
    """y = conv(conv(x)) + shortcut(x), both with stride 2: five rows of x on demand, three so."""
    half = RowWindow(3, stride=2)
    stages = (
        Stage("x", 32, (Feed("in", 32, RowWindow(3, before=1)),)),
        Stage("a", 16, (Feed("x", 32, half),)),
        Stage("b", 16, (Feed("a", 16, RowWindow(3, before=1)),)),
        Stage("s", 16, (Feed("x", 32, RowWindow(1, stride=2)),)),
        Stage("y", 16, (Feed("b", 16, ONE_ROW), Feed("s", 16, ONE_ROW))),
    )
    plain, early = schedule(stages), schedule(stages, dict.fromkeys("xabsy", 512))
    rings = [{n: life.ring for n, life in row_lives(stages, o).items()} for o in (plain, early)]
    assert rings[0] == {"x": 5, "a": 3, "b": 1, "s": 1, "y": 1}
    assert rings[1] == {"x": 3, "a": 3, "b": 1, "s": 1, "y": 1}
    _replay(stages, early, rings[1])
