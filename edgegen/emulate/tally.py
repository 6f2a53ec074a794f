"""Adds up priced blocks into the counts of a run."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from edgegen.emulate.result import Count, FunctionCount, LayerCount, ModelCount

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edgegen.emulate.blocks import Block
    from edgegen.emulate.cycles import Pricer
    from edgegen.emulate.image import Image

_K = TypeVar("_K")


class _Sums(Generic[_K]):
    """Instructions and cycles by key."""

    def __init__(self, pricer: Pricer) -> None:
        self._has_cycles = pricer.has_model
        self._instructions: dict[_K, int] = defaultdict(int)
        self._cycles: dict[_K, int] = defaultdict(int)

    def add(self, key: _K, instructions: int, cycles: int) -> None:
        """Adds to the sums of `key`."""
        self._instructions[key] += instructions
        self._cycles[key] += cycles

    def keys(self) -> list[_K]:
        """Every key that was added to."""
        return list(self._instructions)

    def of(self, key: _K) -> tuple[int, int | None]:
        """Instructions and cycles of `key`."""
        cycles = self._cycles.get(key, 0) if self._has_cycles else None
        return self._instructions.get(key, 0), cycles


@dataclass(frozen=True)
class Tally:
    """Counts between the markers: in all, before the first layer, and three ways of dividing them.

    Attributes:
        dsp: an executed instruction of the DSP extension with its place, or None.
    """

    all: Count
    run: Count
    models: tuple[ModelCount, ...]
    layers: tuple[LayerCount, ...]
    functions: tuple[FunctionCount, ...]
    dsp: str | None


def tally(
    blocks: Sequence[Block],
    read_code: Callable[[int, int], bytes],
    pricer: Pricer,
    image: Image,
    layers: Sequence[str],
    inferences: Mapping[int, int],
) -> Tally:
    """Prices `blocks` and adds them up.

    Args:
        blocks: what the block counter saw.
        read_code: returns the code at an address, so many bytes of it.
        pricer: knows the core's cycle model, or that there is none.
        image: names the functions.
        layers: names the layers, by number.
        inferences: how many each model ran.
    """
    everything, by_layer = _Sums[None](pricer), _Sums[int | None](pricer)
    by_model, by_function = _Sums[int](pricer), _Sums[str](pricer)
    dsp = None
    for block in blocks:
        price = pricer.price(block.address, read_code(block.address, block.size))
        if price.dsp and dsp is None:
            dsp = f"`{price.dsp}` in {image.function_at(block.address)}"
        if block.model is None:
            continue
        instructions = block.executed * block.instructions
        cycles = block.executed * price.cycles + block.taken * price.taken_cycles
        everything.add(None, instructions, cycles)
        by_layer.add(block.layer, instructions, cycles)
        by_model.add(block.model, instructions, cycles)
        by_function.add(image.function_at(block.address), instructions, cycles)
    functions = [
        FunctionCount(*by_function.of(name), symbol=name) for name in sorted(by_function.keys())
    ]
    return Tally(
        all=Count(*everything.of(None)),
        run=Count(*by_layer.of(None)),
        models=tuple(
            ModelCount(*by_model.of(index), index=index, inferences=count)
            for index, count in sorted(inferences.items())
        ),
        layers=tuple(
            LayerCount(*by_layer.of(number), symbol=symbol) for number, symbol in enumerate(layers)
        ),
        functions=tuple(sorted(functions, key=lambda count: -count.instructions)),
        dsp=dsp,
    )
