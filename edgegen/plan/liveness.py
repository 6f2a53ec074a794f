"""Which bytes of the arena hold nothing that is still needed: what a run may destroy at will."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from edgegen.plan.plan import Plan
from edgegen.plan.timeline import staged_name

Span = tuple[int, int]
"""First byte and one past the last."""


class Liveness:
    """The contents of a plan's arena between the steps of an inference."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._found: dict[int, tuple[Span, ...]] = {}

    def dead(self, step: int) -> tuple[Span, ...]:
        """Bytes whose contents do not matter when a step begins, in order.

        Args:
            step: an index into `Program.steps`.
        """
        if step not in self._found:
            self._found[step] = tuple(self._gaps(step))
        return self._found[step]

    def _gaps(self, step: int) -> Iterator[Span]:
        end = 0
        for first, last in sorted(self._held(step)):
            if first > end:
                yield end, first
            end = max(end, last)
        if end < self.plan.arena.size:
            yield end, self.plan.arena.size

    def _held(self, step: int) -> Iterator[Span]:
        """Places of all blocks that were filled before a step and are needed in it or later."""
        for block in self.plan.problem.blocks:
            early = int(block.name in self._filled_before)
            if any(first - early < step <= last for first, last in block.lives):
                offset = self.plan.offset(block.name)
                yield offset, offset + block.size

    @cached_property
    def _filled_before(self) -> frozenset[str]:
        """Blocks that are filled before their first step: by the caller, or as a copy."""
        program = self.plan.program
        inputs = (program.buffer_of[n] for n in program.graph.inputs)
        copies = (staged_name(k) for k, call in enumerate(program.calls) if call.staged_bytes)
        return frozenset((*(n for n in inputs if program.buffers[n].ring is None), *copies))
