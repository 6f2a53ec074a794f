"""Names of tensors as people read them."""

from __future__ import annotations


def short_name(name: str, width: int = 40) -> str:
    """A tensor's name for people: the last of the names that a converter fused, its end kept.

    >>> short_name("model/a/BiasAdd;model/b/Conv2D1")
    'model/b/Conv2D1'
    """
    last = name.rsplit(";", 1)[-1] or name
    return last if len(last) <= width else "..." + last[-(width - 3) :]
