from __future__ import annotations

import pytest

from edgegen.plan.arena import plan_arena
from edgegen.plan.blocks import ArenaProblem, Block, overlap_relation, round_up, safe_orders
from tests.plan.arena_kernels import Window

KERNELS = [
    Window(8, 7, 4, 4),
    Window(8, 7, 4, 4, held=True),
    Window(8, 7, 4, 4, depthwise=True),
    Window(8, 8, 4, 4, stride=2),
    Window(8, 8, 4, 4, stride=2, held=True),
    Window(8, 8, 4, 4, stride=2, depthwise=True),
    Window(9, 6, 3, 8, stride=2),
    Window(9, 6, 8, 3),
    Window(11, 10, 1, 8, (10, 4), 2),
    Window(6, 5, 4, 9, (1, 1)),
    Window(6, 5, 9, 4, (1, 1), held=True),
    Window(6, 6, 4, 6, (1, 1), stride=2),
    Window(1, 1, 12, 7, (1, 1)),
]
FREE = Window(1, 1, 12, 7, (1, 1), held=True)
"""All is read before anything is written: any distance is safe."""


@pytest.mark.parametrize(
    ("kernel", "distances"),
    [
        (Window(8, 7, 4, 4), ((7 + 1) * 4 + 3,) * 2),
        (Window(8, 7, 4, 4, held=True), ((7 + 1) * 4,) * 2),
        (Window(8, 7, 4, 4, (1, 1)), (3, 3)),
        (Window(8, 7, 4, 4, (1, 1), held=True), (0, 0)),
        (Window(25, 5, 64, 64, depthwise=True), (384, 384)),
        (Window(32, 32, 16, 16), (543, 543)),
        (Window(96, 96, 3, 8, stride=2), (101, 200)),
    ],
)
def test_distances_that_are_known(kernel: Window, distances: tuple[int, int]) -> None:
    assert kernel.distances == distances


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_distance_is_exact_forward(kernel: Window) -> None:
    distance, _ = kernel.distances
    assert kernel.survives(distance, 0, reverse=False)
    assert kernel.survives(distance + 1, 0, reverse=False)
    assert not kernel.survives(distance - 1, 0, reverse=False)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_distance_is_exact_in_reverse(kernel: Window) -> None:
    _, distance = kernel.distances
    y = kernel.input_size + distance - kernel.output_size
    assert kernel.survives(0, y, reverse=True)
    assert kernel.survives(0, y + 1, reverse=True)
    assert not kernel.survives(0, y - 1, reverse=True)


@pytest.mark.parametrize("alignment", [1, 4])
@pytest.mark.parametrize("kernel", [*KERNELS, FREE])
def test_every_distance_that_the_relation_allows_survives(kernel: Window, alignment: int) -> None:
    x, y = Block("x", kernel.input_size, 0, 1), Block("y", kernel.output_size, 1, 2)
    forward, reverse = kernel.distances
    rule = overlap_relation(x, y, forward=forward, reverse=reverse, alignment=alignment)
    allowed = 0
    for difference in range(-round_up(y.size, 4), round_up(x.size, 4) + 1, alignment):
        if any(low < difference < high for low, high in rule.forbidden):
            continue
        orders = safe_orders(x, y, forward=forward, reverse=reverse, difference=difference)
        assert any(orders)
        for safe, backward in zip(orders, (False, True), strict=True):
            assert not safe or kernel.survives(0, difference, reverse=backward)
        allowed += 1
    assert allowed


@pytest.mark.parametrize("kernel", [*KERNELS, FREE])
def test_planned_kernels_survive_at_the_bound(kernel: Window) -> None:
    x, y = Block("x", kernel.input_size, 0, 0), Block("y", kernel.output_size, 0, 0)
    forward, reverse = kernel.distances
    rule = overlap_relation(x, y, forward=forward, reverse=reverse, alignment=1)
    plan = plan_arena(ArenaProblem((x, y), (rule,), alignment=1))
    difference = plan.offsets["y"] - plan.offsets["x"]
    orders = safe_orders(x, y, forward=forward, reverse=reverse, difference=difference)
    assert any(
        kernel.survives(plan.offsets["x"], plan.offsets["y"], reverse=backward)
        for safe, backward in zip(orders, (False, True), strict=True)
        if safe
    )
    spans = [
        max(x.size, d + y.size) - min(0, d)
        for d in range(-y.size, x.size + 1)
        if not any(low < d < high for low, high in rule.forbidden)
    ]
    assert (plan.size, plan.proved) == (min(spans), True)


def test_the_first_convolution_of_the_person_model() -> None:
    kernel = Window(96, 96, 3, 8, stride=2)
    x, y = Block("x", kernel.input_size, 0, 0), Block("y", kernel.output_size, 0, 0)
    forward, reverse = kernel.distances
    rule = overlap_relation(x, y, forward=forward, reverse=reverse, alignment=1)
    plan = plan_arena(ArenaProblem((x, y), (rule,), alignment=1))
    assert (plan.size, plan.proved) == (27749, True)
