"""Program to Plan: when every buffer is alive and where it lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from edgegen.errors import ModelError, Problem
from edgegen.ir.names import short_name
from edgegen.kernels.program import Program
from edgegen.plan.arena import plan_arena
from edgegen.plan.blocks import ArenaPlan, ArenaProblem, Block
from edgegen.plan.check import require_valid
from edgegen.plan.replay import require_sound
from edgegen.plan.timeline import arena_problem

ALIGNMENT = 4
"""Bytes; every buffer starts at a multiple, so that kernels may read whole words."""


def alignment_of(program: Program) -> int:
    """`ALIGNMENT`, or more where a buffer has wider elements."""
    return max([ALIGNMENT, *(b.type.dtype.bytes for b in program.buffers.values())])


@dataclass(frozen=True)
class Plan:
    """A program with an address for every buffer.

    Attributes:
        program: what is planned.
        problem: lifetimes and sizes.
        arena: offsets, size and proof.
    """

    program: Program
    problem: ArenaProblem
    arena: ArenaPlan

    def offset(self, buffer: str) -> int:
        """Offset of a buffer in the arena, bytes."""
        return self.offsets[buffer]

    @property
    def peak_layer(self) -> int:
        """The call that runs in the step with the most bytes; 0 for a program without calls."""
        steps = self.program.steps
        return steps[self.arena.peak_step] if steps else 0

    @cached_property
    def offsets(self) -> Mapping[str, int]:
        """Offset of every block by name."""
        return dict(self.arena.offsets)

    def alive(self, step: int) -> tuple[Block, ...]:
        """The blocks alive during a step, largest first."""
        found = [b for b in self.problem.blocks if b.alive_at(step)]
        return tuple(sorted(found, key=lambda b: (-b.size, b.name)))


def plan(program: Program, *, use_cp_sat: bool = False) -> Plan:
    """Plans the arena and has the independent checker confirm it."""
    constant_outputs = [n for n in program.graph.outputs if n not in program.buffer_of]
    if constant_outputs:
        raise ModelError(
            [Problem(f"output {n!r} is a constant", hint="remove it") for n in constant_outputs]
        )
    problem = arena_problem(program, alignment_of(program))
    arena = plan_arena(problem, use_cp_sat=use_cp_sat)
    require_valid(problem, arena)
    require_sound(program, arena.offsets)
    return Plan(program, problem, arena)


def proof_text(arena: ArenaPlan) -> str:
    """`proved optimal`, or by how much the size exceeds the lower bound."""
    if arena.proved:
        return "proved optimal"
    return f"not proved: at most {arena.size - arena.lower_bound} bytes above the optimum"


def plan_text(result: Plan) -> str:
    """The memory map, one line a block: what `--dump-ir` writes."""
    arena = result.arena
    lines = [f"arena {arena.size} bytes, lower bound {arena.lower_bound}, {proof_text(arena)}"]
    lines += [
        f"  {result.offset(b.name):>8} +{b.size:<8} steps {b.first}..{b.last}  {short_name(b.name)}"
        for b in sorted(result.problem.blocks, key=lambda b: (b.first, b.name))
    ]
    return "\n".join(lines) + "\n"
