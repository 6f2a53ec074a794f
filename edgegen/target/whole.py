"""Operators computed as a whole: what they cost in a state, and the RAM they need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgegen.ir import Op, Tensor, TensorKind
from edgegen.kernels.base import Formats, KernelIO
from edgegen.kernels.formats import DENSE, Format
from edgegen.kernels.order import AccessOrder
from edgegen.plan.blocks import Block, apart
from edgegen.plan.bound import pair_cover
from edgegen.plan.plan import ALIGNMENT
from edgegen.target.choices import Choice
from edgegen.target.lay_out import State, Step
from edgegen.target.stream_ram import Wish

if TYPE_CHECKING:
    from edgegen.target.select import Selection


@dataclass(frozen=True)
class Priced:
    """A choice, its price without conversions, and the bytes of its output.

    Attributes:
        number: of the choice among the operator's.
        group: the same for choices of an operator with the same formats.
    """

    choice: Choice
    price: float
    written: int
    number: int
    group: int


@dataclass(frozen=True)
class Move:
    """What comes next: steps for one or more operators, up to operator `end`.

    Attributes:
        end: one past the last operator.
        steps: one for each operator.
        price: their sum.
        wish: the stream, if operators run by rows.
    """

    end: int
    steps: tuple[Step, ...]
    price: float
    wish: Wish | None = None


class WholeOperators:
    """The moves that compute one operator as a whole, at the present prices of a selection."""

    def __init__(self, selection: Selection, *, roomy: bool) -> None:
        """`roomy` says that RAM does not matter."""
        self.selection, self.roomy = selection, roomy
        self.graph, self.owner = selection.graph, selection.owner
        self.outputs = {self.owner[n] for n in self.graph.outputs if n in self.owner}

    def priced(self, index: int) -> list[Priced]:
        """An operator's choices with what does not depend on the state.

        Of several with the same formats only the cheapest counts, unless RAM is short.
        """
        op = self.graph.ops[index]
        io = self.graph.io(op)
        if op.alias_of(io) is not None:
            return []
        found: dict[int, Priced] = {}
        groups: dict[Formats, int] = {}
        for number, choice in enumerate(self.selection.offers_of(op)[0]):
            price = self.selection.price(op, choice)
            group = groups.setdefault(choice.formats, len(groups))
            key = group if self.roomy else number
            if key not in found or price < found[key].price:
                written = choice.formats.output.size(io.output.type)
                found[key] = Priced(choice, price, written, number, group)
        return sorted(found.values(), key=lambda p: p.number)

    def moves(self, index: int, state: State, offers: list[Priced]) -> Iterator[Move]:
        """Every way to compute one operator as a whole."""
        op = self.graph.ops[index]
        io, stored = self.graph.io(op), dict(state)
        root = self.owner[op.outputs[0]]
        alias = op.alias_of(io)
        end = index + 1
        if alias is not None:
            source = io.input(alias)
            if self._keeps(stored[root], source, io.output, root):
                yield Move(end, (Step(None, stored[root], state),), 0.0)
            return
        before = sum(f.size(self.graph.tensor(n).type) for n, f in state)
        inputs = [
            (i, tensor, stored[self.owner[tensor.name]])
            for i, tensor in enumerate(io.inputs)
            if tensor is not None and tensor.kind is not TensorKind.CONSTANT
        ]
        extras: dict[int, tuple[float, int]] = {}
        for offer in offers:
            choice, written = offer.choice, offer.written
            if offer.group not in extras:
                extras[offer.group] = self._converted(choice, inputs)
            more, larger = extras[offer.group]
            price, ram = offer.price + more, before + written + choice.scratch + larger
            target = choice.formats.output
            if root not in self.outputs or target == DENSE:
                yield Move(end, (Step(choice, target, state, ram),), price)
            if target != DENSE:
                price += self.selection.conversion(io.output, target, DENSE)
                ram = max(ram, before + written + DENSE.size(io.output.type))
                yield Move(end, (Step(choice, DENSE, state, ram),), price)

    def _converted(
        self, choice: Choice, inputs: Iterable[tuple[int, Tensor, Format]]
    ) -> tuple[float, int]:
        """Price and bytes of the conversions that a choice needs of its inputs as stored."""
        price, size = 0.0, 0
        for i, tensor, known in inputs:
            wanted = choice.formats.inputs[i]
            if wanted != known:
                price += self.selection.conversion(tensor, known, wanted)
                size += wanted.size(tensor.type)
        return price, size

    def needed(self, index: int, move: Move) -> int:
        """Bytes of one operator as a whole, its output over a dying input as far as that is safe.

        Conversions are taken to overlap with nothing.
        """
        (step,) = move.steps
        if step.choice is None or step.choice.formats.output != step.stored:
            return step.ram
        op, stored = self.graph.ops[index], dict(step.before)
        gain = 0
        for k, name in enumerate(op.inputs):
            if name is None or name not in self.owner:
                continue
            root = self.owner[name]
            if stored[root] != step.choice.formats.inputs[k]:
                return step.ram
            if self.selection.streams.last_reader.get(root, -1) == index:
                gain = max(gain, self._shared(op, step.choice, k))
        if self.selection.steady and gain and not self._stays(op, step.choice):
            others = self.selection.offers_of(op)[0]
            if any(self._stays(op, other) for other in others):
                return step.ram
        return step.ram - gain

    def _stays(self, op: Op, choice: Choice) -> bool:
        """Whether a kernel can overwrite its input at its very place: nothing drifts then."""
        known = self.selection.staying
        if choice not in known:
            known[choice] = choice.kernel.order(op, choice.io).in_place(0)
        return known[choice]

    def _shared(self, op: Op, choice: Choice, k: int) -> int:
        """Bytes that the output can share with input `k`, which dies."""
        known, key = self.selection.shared, (choice, k)
        if key not in known:
            known[key] = _shareable(choice.io, choice.kernel.order(op, choice.io), k)
        return known[key]

    def _keeps(self, stored: Format, source: Tensor, target: Tensor, root: str) -> bool:
        """Whether a reshape leaves a buffer's bytes meaningful."""
        return (
            stored.survives_reshape(source.type, target.type)
            and self.graph.tensor(root).type.bytes == target.type.bytes
        )


def _shareable(io: KernelIO, order: AccessOrder, k: int) -> int:
    """Bytes that a kernel's output can share with input `k` at the best safe distance."""
    read = io.input_formats[k].size(io.input(k).type)
    written = io.output_format.size(io.output.type)
    x, y = Block("x", read, 0, 0), Block("y", written, 0, 0)
    rule = apart(
        x,
        y,
        forward=order.forward(k),
        reverse=order.backward(k, read, written),
        in_place=order.in_place(k),
        alignment=ALIGNMENT,
    )
    return read + written - pair_cover(read, written, rule.forbidden)
