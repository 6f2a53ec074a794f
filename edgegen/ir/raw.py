"""The neutral form that every front end produces: no package of any model format is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edgegen.ir.types import Array, TensorType

Attribute = int | float | bool | str | tuple[int, ...]


@dataclass(frozen=True)
class RawTensor:
    """A tensor as the file has it. `name` is unique in the graph."""

    name: str
    type: TensorType
    data: Array | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class RawNode:
    """An operator as the file has it.

    Attributes:
        index: position in the graph.
        type: the operator's name in the terms of the IR, such as CONV_2D.
        version: the operator's version number.
        inputs: tensor names; None where an optional input is left out.
        outputs: tensor names.
        attributes: options by their schema name in snake case; enum values by name.
        source: the file's own name for the operator, where it is another one.
        place: position in the file, where it is another one.
    """

    index: int
    type: str
    version: int
    inputs: tuple[str | None, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute]
    source: str = ""
    place: int | None = None

    def integer(self, name: str, default: int) -> int:
        """An integer attribute."""
        value = self.attributes.get(name, default)
        return int(value) if isinstance(value, (int, float)) else default

    def number(self, name: str, default: float) -> float:
        """A real attribute."""
        value = self.attributes.get(name, default)
        return float(value) if isinstance(value, (int, float)) else default

    def integers(self, name: str) -> tuple[int, ...]:
        """A list of integers; empty when absent."""
        value = self.attributes.get(name, ())
        return value if isinstance(value, tuple) else ()

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean attribute."""
        return bool(self.attributes.get(name, default))

    def text(self, name: str, default: str) -> str:
        """An enum attribute, by name."""
        value = self.attributes.get(name, default)
        return value if isinstance(value, str) else default


@dataclass(frozen=True)
class RawGraph:
    """A model as the file has it.

    Attributes:
        layouts: order of the axes of graph inputs and outputs that are images, such as NCHW, where
            it is known.
    """

    tensors: Mapping[str, RawTensor]
    nodes: tuple[RawNode, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    layouts: Mapping[str, str] = field(default_factory=dict)
