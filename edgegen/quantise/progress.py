"""How long steps report their progress, without knowing to whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")


class Track(Protocol):
    """Passes items on one by one and shows how far the work is."""

    def __call__(self, items: Sequence[T], title: str) -> Iterable[T]:
        """Yields all items."""


def silent(items: Sequence[T], title: str) -> Iterable[T]:  # noqa: ARG001
    """Shows nothing."""
    return items
