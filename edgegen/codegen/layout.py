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
        group: prefix of several models that share an arena; empty where the model has its own.
    """

    arena: str = ""
    weights: str = ""
    code: str = ""
    owner: str = "caller"
    group: str = ""

    @property
    def defines_arena(self) -> bool:
        """Whether the library itself defines its arena."""
        return self.owner == "static" and not self.group

    def arena_pointer(self, name: str) -> str:
        """C expression of a pointer to the arena of the model with this prefix."""
        owned = f"{self.group or name}_arena" if self.owner == "static" else "arena"
        return f"&{owned}.{name}" if self.group else f"&{owned}"
