"""The memory map of a plan as plain data: what the text, the picture and report.json show.

Blocks are taken from the plan as they are; what they hold is looked up by name in `_contents`, the
one place to extend when the planner learns a new kind of block. A block that is not found there is
shown under its own name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

from edgegen.codegen.filters import shape_text
from edgegen.ir.names import short_name
from edgegen.kernels.program import Buffer, Program
from edgegen.plan.plan import Plan, proof_text
from edgegen.plan.timeline import scratch_name, staged_name, state_name

Steps = tuple[tuple[int, int], ...]
"""First and last step of each stretch of time, in order."""


class Kind(Enum):
    """What a block is for; the value is its name in report.json."""

    INPUT = "input"
    TENSOR = "tensor"
    OUTPUT = "output"
    RING = "ring"
    SCRATCH = "scratch"
    SUMS = "sums"
    CONSTANTS = "constants"
    OTHER = "other"


@dataclass(frozen=True)
class Content:
    """What a block holds.

    Attributes:
        kind: what it is for.
        tensors: the model's names of what lies in it; empty for working memory.
        shape: of the tensor, as people write it; empty for working memory.
        layout: how the tensor is stored, for people.
        writer: the layer that writes it; None for a model input.
        readers: the layers that read it.
    """

    kind: Kind
    tensors: tuple[str, ...] = ()
    shape: str = ""
    layout: str = ""
    writer: int | None = None
    readers: tuple[int, ...] = ()


@dataclass(frozen=True)
class MapBlock:
    """A block with its place, sizes in bytes.

    Attributes:
        name: in the plan.
        content: what it holds.
        offset: from the start of the arena.
        size: how long it is.
        lives: when it must keep its contents.
    """

    name: str
    content: Content
    offset: int
    size: int
    lives: Steps

    @property
    def end(self) -> int:
        """Offset after its last byte."""
        return self.offset + self.size

    @property
    def title(self) -> str:
        """Its tensor's name for people, or its own."""
        return short_name(self.name)

    def alive_at(self, step: int) -> bool:
        """Whether a step needs it."""
        return any(first <= step <= last for first, last in self.lives)


@dataclass(frozen=True)
class LayerUse:
    """A layer as the map names it.

    Attributes:
        index: its number.
        title: its operator.
        macs: of one inference.
        cycles: predicted, at zero wait states.
    """

    index: int
    title: str
    macs: int
    cycles: int


@dataclass(frozen=True)
class Unit:
    """What runs without a break: a layer, or layers that take turns row by row.

    Attributes:
        first: its first step.
        last: its last step.
        layers: in order.
    """

    first: int
    last: int
    layers: tuple[LayerUse, ...]

    @property
    def by_rows(self) -> bool:
        """Whether it takes several steps."""
        return self.last > self.first

    @property
    def title(self) -> str:
        """For people."""
        if len(self.layers) == 1:
            rows = ", by rows" if self.by_rows else ""
            return f"{self.layers[0].index} {self.layers[0].title}{rows}"
        return f"{self.layers[0].index} to {self.layers[-1].index}, by rows"


@dataclass(frozen=True)
class Shared:
    """Bytes that two live blocks have in common, which the order of accesses makes safe.

    Attributes:
        names: of the two blocks.
        offset: of the first common byte.
        size: how many there are.
        steps: when both are alive.
    """

    names: tuple[str, str]
    offset: int
    size: int
    steps: Steps


@dataclass(frozen=True)
class MemoryMap:
    """All that is to be shown of a plan; sizes in bytes.

    Attributes:
        name: the model's C prefix.
        size: of the arena.
        lower_bound: what no plan can go below.
        proof: what is known about the size, in words.
        peak_step: the step that sets the size.
        peak_layer: the layer that runs then.
        blocks: in order of birth; those without bytes are left out.
        units: in order.
    """

    name: str
    size: int
    lower_bound: int
    proof: str
    peak_step: int
    peak_layer: int
    blocks: tuple[MapBlock, ...]
    units: tuple[Unit, ...]

    @cached_property
    def shared(self) -> tuple[Shared, ...]:
        """Every pair of blocks that share bytes while both are alive."""
        return tuple(_shared(self.blocks))

    @property
    def peak_title(self) -> str:
        """Number and operator of the layer at the peak."""
        titles = (f"{x.index} {x.title}" for u in self.units for x in u.layers)
        return next((t for t in titles if t.startswith(f"{self.peak_layer} ")), "none")

    def alive(self, step: int) -> tuple[MapBlock, ...]:
        """The blocks that a step needs, by offset."""
        found = (b for b in self.blocks if b.alive_at(step))
        return tuple(sorted(found, key=lambda b: (b.offset, b.size)))

    def occupied(self, step: int) -> int:
        """Bytes that hold something during a step; shared ones count once."""
        total = end = 0
        for block in self.alive(step):
            total += max(block.end - max(block.offset, end), 0)
            end = max(end, block.end)
        return total

    def fullest(self, first: int, last: int) -> int:
        """The step from `first` to `last` that occupies most; the peak, if it is among them."""
        if first <= self.peak_step <= last:
            return self.peak_step
        return max(range(first, last + 1), key=lambda s: (self.occupied(s), -s))


def memory_map(plan: Plan, name: str) -> MemoryMap:
    """What is to be shown of a plan.

    Args:
        plan: the planned program.
        name: the model's C prefix.
    """
    contents = _contents(plan.program)
    unknown = Content(Kind.OTHER)
    blocks = [
        MapBlock(b.name, contents.get(b.name, unknown), plan.offset(b.name), b.size, b.lives)
        for b in plan.problem.blocks
        if b.size
    ]
    arena = plan.arena
    return MemoryMap(
        name,
        arena.size,
        arena.lower_bound,
        proof_text(arena),
        arena.peak_step,
        plan.peak_layer,
        tuple(sorted(blocks, key=_birth)),
        tuple(_units(plan.program)),
    )


def map_report(shown: MemoryMap) -> dict[str, Any]:
    """The memory map in report.json: steps, blocks and what they share."""
    return {
        "steps": [
            {
                "first": unit.first,
                "last": unit.last,
                "layers": [layer.index for layer in unit.layers],
                "bytes": shown.occupied(shown.fullest(unit.first, unit.last)),
            }
            for unit in shown.units
        ],
        "blocks": [
            {
                "name": block.name,
                "kind": block.content.kind.value,
                "tensors": list(block.content.tensors),
                "shape": block.content.shape,
                "layout": block.content.layout,
                "offset": block.offset,
                "bytes": block.size,
                "lives": [list(life) for life in block.lives],
                "writer": block.content.writer,
                "readers": list(block.content.readers),
            }
            for block in shown.blocks
        ],
        "shared": [
            {
                "blocks": list(shared.names),
                "offset": shared.offset,
                "bytes": shared.size,
                "steps": [list(span) for span in shared.steps],
            }
            for shared in shown.shared
        ],
    }


def _birth(block: MapBlock) -> tuple[int, int, int, str]:
    """Model inputs first, then by step and layer."""
    writer = -1 if block.content.writer is None else block.content.writer
    return block.lives[0][0], writer, block.offset, block.name


def _contents(program: Program) -> Mapping[str, Content]:
    """What lies in each block, by its name."""
    found: dict[str, Content] = {}
    graph = program.graph
    inputs = {program.buffer_of[n] for n in graph.inputs if n in program.buffer_of}
    outputs = {program.buffer_of[n] for n in graph.outputs if n in program.buffer_of}
    for buffer in program.buffers.values():
        if buffer.name in inputs:
            kind = Kind.INPUT
        elif buffer.name in outputs:
            kind = Kind.OUTPUT
        else:
            kind = Kind.TENSOR if buffer.ring is None else Kind.RING
        writers = [i for i, c in enumerate(program.calls) if c.output == buffer.name]
        readers = [i for i, c in enumerate(program.calls) if buffer.name in c.inputs]
        found[buffer.name] = Content(
            kind,
            buffer.tensors,
            shape_text(buffer.type.shape),
            _layout(buffer),
            writers[0] if writers else None,
            tuple(readers),
        )
    for index in range(len(program.calls)):
        for name, kind in (
            (scratch_name(index), Kind.SCRATCH),
            (state_name(index), Kind.SUMS),
            (staged_name(index), Kind.CONSTANTS),
        ):
            found[name] = Content(kind, writer=index, readers=(index,))
    return found


def _layout(buffer: Buffer) -> str:
    text = buffer.format.text
    return text if buffer.ring is None else f"{text}, {buffer.ring} of {buffer.rows} rows"


def _units(program: Program) -> Iterator[Unit]:
    streams = {s.first: s for s in program.streams}
    call = step = 0
    while call < len(program.calls):
        stream = streams.get(call)
        layers = (call,) if stream is None else tuple(stream.calls)
        steps = 1 if stream is None else len(stream.order)
        calls = [(i, program.calls[i]) for i in layers]
        uses = (LayerUse(i, c.op.origin.type, c.op.macs(c.io), c.cost.cycles) for i, c in calls)
        yield Unit(step, step + steps - 1, tuple(uses))
        call += len(layers)
        step += steps


def _shared(blocks: Iterable[MapBlock]) -> Iterator[Shared]:
    known: list[MapBlock] = []
    for block in blocks:
        for other in known:
            start, end = max(block.offset, other.offset), min(block.end, other.end)
            steps = _both(block.lives, other.lives) if start < end else ()
            if steps:
                yield Shared((other.name, block.name), start, end - start, steps)
        known.append(block)


def _both(one: Steps, other: Steps) -> Steps:
    """When both are alive."""
    pairs = ((max(a, c), min(b, d)) for a, b in one for c, d in other)
    return tuple(sorted((a, b) for a, b in pairs if a <= b))
