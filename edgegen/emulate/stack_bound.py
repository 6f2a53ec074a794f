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
        bound, chain = _bound(graph, entry, [by_name[x] for x in layers if x in by_name])
        reached = graph.reach(entry)[0]
    except UnknownDepthError as error:
        return StackBound(None, why=str(error))
    # The compiler drops static functions that nothing refers to: one that was not reached is
    # called in a way that the analysis does not see.
    for function in image.functions:
        if (
            function.local
            and function.name.startswith(name + "_")
            and function.start not in reached
        ):
            return StackBound(None, why=f"nothing is seen to call {function.name}")
    return StackBound(bound, chain)


def _bound(graph: _Graph, entry: Function, layers: list[Function]) -> _Depth:
    """The deepest chain from `entry`; pointers in layers mean what the layer can load."""
    _, pointed = graph.reach(entry)
    own = {layer.start: graph.reach(layer)[1] for layer in layers}
    # What no layer can load by itself must come from the code that calls them.
    given = pointed.difference(*own.values())
    known = {x.start: _Search(graph, own[x.start] | given).deepest(x) for x in layers}
    return _Search(graph, pointed, known).deepest(entry)


class _Graph:
    """The functions of an image, analysed when they are asked for."""

    def __init__(self, image: CodeImage) -> None:
        self.image = image
        self._frames: dict[int, Frame] = {}

    def frame(self, function: Function) -> Frame:
        """A function's frame and calls."""
        if function.start not in self._frames:
            self._frames[function.start] = frame(self.image, function)
        return self._frames[function.start]

    def reach(self, root: Function) -> tuple[set[int], set[int]]:
        """What code that is reached from `root` can call, and whose addresses it can have.

        Returns:
            Addresses of all functions reached, and of those that a pointer may mean.
        """
        pointed: set[int] = set()
        seen: set[int] = set()
        queue = [root]
        while queue:
            function = queue.pop()
            if function.start in seen:
                continue
            seen.add(function.start)
            taken = self._functions_from(function)
            pointed |= taken
            called = {c.target for c in self.frame(function).calls}
            queue += [self.image.by_start[a] for a in taken | called if a in self.image.by_start]
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
        self._pointed = tuple(graph.image.by_start[a] for a in sorted(pointed))
        self._known = known or {}
        self._active: list[int] = []

    def deepest(self, function: Function) -> _Depth:
        """Bytes below the stack pointer at the function's entry, and the chain that takes them."""
        if function.start in self._known:
            return self._known[function.start]
        found = self._graph.frame(function)
        best = found.bytes
        chain: tuple[tuple[str, int], ...] = ((function.name, found.bytes),)
        self._active.append(function.start)
        for call in found.calls:
            for callee in self._callees(function, call):
                below, rest = self.deepest(callee)
                if call.depth + below > best:
                    best, chain = call.depth + below, ((function.name, call.depth), *rest)
        self._active.pop()
        return best, chain

    def _callees(self, function: Function, call: Call) -> tuple[Function, ...]:
        if call.target is None:
            if not self._pointed:
                raise UnknownDepthError(f"{function.name} calls through a pointer from nowhere")
            return tuple(f for f in self._pointed if f.start not in self._active)
        callee = self._graph.image.by_start.get(call.target)
        if callee is None:
            raise UnknownDepthError(f"{function.name} calls {call.target:#010x}, no function")
        if callee.start in self._active:
            raise UnknownDepthError(f"{function.name} calls {callee.name}: recursion")
        return (callee,)
