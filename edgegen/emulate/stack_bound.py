"""The worst case of the stack: the deepest chain of calls that the linked code allows.

Frames and calls come from the machine code (frames.py), so that compiled functions, assembly tiles
and the C library count alike. A call through a pointer may go to any function whose address can be
had in that layer: starting from the layer's function, the constants in its code, the objects they
point to and the functions those hold, and so on. Kernels get pointers from their parameter
structures only and leave none in the arena, so that no other function can be meant. The library has
no recursion; a chain holds every function once.

Interrupts are not counted: they take what they need on top.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgegen.emulate.code import CodeImage, Function, read_code
from edgegen.emulate.frames import Call, Frame, UnknownDepthError, frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_Depth = tuple[int, tuple[tuple[str, int], ...]]
"""Bytes, and the functions that take them, each with the bytes it adds."""


@dataclass(frozen=True)
class StackBound:
    """The deepest that one inference can take the stack below the caller of NAME_run.

    Attributes:
        bytes: the bound; None when it could not be computed.
        chain: the functions of the deepest chain of calls, each with the bytes it adds.
        why: why there is no bound; empty when there is one.
    """

    bytes: int | None
    chain: tuple[tuple[str, int], ...] = ()
    why: str = ""


def stack_bound(elf: Path, name: str, layers: Iterable[str] = ()) -> StackBound:
    """Bounds the stack of one inference.

    Args:
        elf: an image from `toolchain.build_elf`.
        name: the C prefix of the model; the bound is that of NAME_run.
        layers: functions that are called with nothing but the arena. Calls through a pointer are
            resolved for each alone, which makes the bound tighter; those that are not in the image
            are left out.
    """
    image = read_code(elf)
    by_name = image.by_name
    entry = by_name.get(f"{name}_run")
    if entry is None:
        return StackBound(None, why=f"the image has no function {name}_run")
    graph = _Graph(image)
    try:
        bound, chain = _bound(
            graph, entry.start, [by_name[x].start for x in layers if x in by_name]
        )
        reached = graph.reach(entry.start)[0]
    except UnknownDepthError as error:
        return StackBound(None, why=str(error))
    # The compiler drops static functions that nothing refers to: one that was not reached is
    # called in a way that the analysis does not see.
    for other in image.functions:
        if other.local and other.name.startswith(f"{name}_") and other.start not in reached:
            return StackBound(None, why=f"nothing is seen to call {other.name}")
    return StackBound(bound, chain)


def _bound(graph: _Graph, entry: int, layers: list[int]) -> _Depth:
    """The deepest chain from `entry`; pointers in layers mean what the layer can load."""
    _, pointed = graph.reach(entry)
    own = {layer: graph.reach(layer)[1] for layer in layers}
    # What no layer can load by itself must come from the code that calls them.
    given = pointed.difference(*own.values())
    known = {x: _Search(graph, own[x] | given).deepest(x) for x in layers}
    return _Search(graph, pointed, known).deepest(entry)


class _Graph:
    """The functions of an image by the address where they are entered, analysed when asked for."""

    def __init__(self, image: CodeImage) -> None:
        self.image = image
        self._frames: dict[int, Frame] = {}

    def function(self, entry: int) -> Function:
        """The function that is entered at an address."""
        found = self.image.by_start.get(entry) or self.image.function_at(entry)
        if found is None:
            raise UnknownDepthError(f"a call to {entry:#010x}, where no function is")
        return found

    def frame(self, entry: int) -> Frame:
        """Frame and calls of the function that is entered at an address."""
        if entry not in self._frames:
            self._frames[entry] = frame(self.image, self.function(entry), entry)
        return self._frames[entry]

    def reach(self, root: int) -> tuple[set[int], set[int]]:
        """What code that is reached from `root` can call, and whose addresses it can have.

        Returns:
            Entries of all functions reached, and of those that a pointer may mean.
        """
        pointed: set[int] = set()
        seen: set[int] = set()
        queue = [root]
        while queue:
            entry = queue.pop()
            if entry in seen:
                continue
            seen.add(entry)
            taken = self._functions_from(self.function(entry))
            pointed |= taken
            queue += [*taken, *(c.target for c in self.frame(entry).calls if c.target is not None)]
        return seen, pointed

    def _functions_from(self, function: Function) -> set[int]:
        """Functions whose addresses are in a function's code or in what it points to."""
        found: set[int] = set()
        seen: set[int] = set()
        queue = list(self.image.pointers(function.start, function.end))
        while queue:
            value = queue.pop()
            if value in seen:
                continue
            seen.add(value)
            if value & 1 and value - 1 in self.image.by_start:
                found.add(value - 1)
            queue += self.image.pointers(*self.image.data_around(value))
        return found


class _Search:
    """The deepest chain of calls, with the functions that a pointer may mean."""

    def __init__(
        self, graph: _Graph, pointed: set[int], known: Mapping[int, _Depth] | None = None
    ) -> None:
        self._graph = graph
        self._pointed = tuple(sorted(pointed))
        self._known = known or {}
        self._active: list[int] = []

    def deepest(self, entry: int) -> _Depth:
        """Bytes below the stack pointer at a function's entry, and the chain that takes them."""
        if entry in self._known:
            return self._known[entry]
        name, found = self._graph.function(entry).name, self._graph.frame(entry)
        best = found.bytes
        chain: tuple[tuple[str, int], ...] = ((name, found.bytes),)
        self._active.append(entry)
        for call in found.calls:
            for callee in self._callees(name, call):
                below, rest = self.deepest(callee)
                if call.depth + below > best:
                    best, chain = call.depth + below, ((name, call.depth), *rest)
        self._active.pop()
        return best, chain

    def _callees(self, name: str, call: Call) -> tuple[int, ...]:
        if call.target is None:
            if not self._pointed:
                raise UnknownDepthError(f"{name} calls through a pointer from nowhere")
            return tuple(entry for entry in self._pointed if entry not in self._active)
        if call.target in self._active:
            other = self._graph.function(call.target).name
            raise UnknownDepthError(f"{name} calls {other}: recursion")
        return (call.target,)
