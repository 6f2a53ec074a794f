"""What a library says to the linker, and who owns its arena."""

from __future__ import annotations

from dataclasses import dataclass

OWNERS = ("caller", "static")
"""Who defines the arena: the user's code, or the library."""


@dataclass(frozen=True)
class Layout:
    """Linker sections by part; an empty name leaves a part to the compiler.

    Attributes:
        arena: of the arena, wherever it is defined.
        weights: of the constant arrays.
        code: of the layers' functions.
        owner: one of `OWNERS`.
    """

    arena: str = ""
    weights: str = ""
    code: str = ""
    owner: str = "caller"
