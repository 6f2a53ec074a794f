"""Plan to Package: packed constants, each stored once, and a packed call for every layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np

from edgegen.codegen.layout import Layout
from edgegen.ir.types import Array
from edgegen.kernels.base import ConstantKind, Packed
from edgegen.kernels.program import KernelCall
from edgegen.plan.plan import Plan


@dataclass(frozen=True)
class Symbol:
    """A constant array of the generated library.

    Attributes:
        name: its C identifier.
        data: the packed array.
        kind: what flash is counted as.
        comment: which layer it is for.
    """

    name: str
    data: Array
    kind: ConstantKind
    comment: str


@dataclass(frozen=True)
class Layer:
    """A kernel call, packed.

    Attributes:
        index: position in the program.
        call: the call.
        packed: what its kernel packed.
        constants: C symbol by role.
    """

    index: int
    call: KernelCall
    packed: Packed
    constants: dict[str, str]

    @property
    def routine_key(self) -> tuple[str, str]:
        """Layers with equal keys share one C function."""
        return self.call.kernel.template, self.packed.variant

    def routine_name(self, name: str) -> str:
        """C name of the function it calls; named after the template, which kernels may share."""
        template = PurePosixPath(self.call.kernel.template)
        variant = f"_{self.packed.variant}" if self.packed.variant else ""
        return f"{name}_{template.parent.name}_{template.name.removesuffix('.c.j2')}{variant}"

    def function_name(self, name: str) -> str:
        """C name of its own function; profilers and `edgegen run` know layers by it."""
        return f"{name}_layer_{self.index:02d}_{self.call.op.stem}"


@dataclass(frozen=True)
class Package:
    """A plan with everything that templates need from kernels.

    Attributes:
        kernels_in_ram: whether the kernels' code is to run from RAM.
        layout: the linker sections, and who owns the arena.
        foreign: constants that another package of the same image stores.
    """

    plan: Plan
    name: str
    symbols: tuple[Symbol, ...]
    layers: tuple[Layer, ...]
    kernels_in_ram: bool = False
    layout: Layout = field(default_factory=Layout)
    foreign: tuple[Symbol, ...] = ()

    @property
    def code_section(self) -> str:
        """The linker section of the kernels; empty for the compiler's own."""
        return self.layout.code or (f".ramfunc.{self.name}" if self.kernels_in_ram else "")

    def bytes_of(self, *kinds: ConstantKind) -> int:
        """Flash of the constants of some kinds; of all when none is given."""
        return sum(s.data.nbytes for s in self.symbols if not kinds or s.kind in kinds)


def pack(plan: Plan, name: str, *, kernels_in_ram: bool = False) -> Package:
    """Packs every call's constants; arrays with equal bytes and type are stored once.

    Args:
        plan: the planned program.
        name: prefix of all C identifiers.
        kernels_in_ram: whether the kernels' code is to run from RAM.
    """
    symbols: dict[tuple[str, tuple[int, ...], bytes], Symbol] = {}
    layers = []
    for index, call in enumerate(plan.program.calls):
        packed = call.kernel.pack(call.op, call.io)
        names: dict[str, str] = {}
        for constant in packed.constants:
            # A bool is a byte in C.
            kind = np.uint8 if constant.data.dtype == np.bool_ else constant.data.dtype
            data = np.ascontiguousarray(constant.data, kind)
            # One-dimensional in C: the packing order is the kernel's affair.
            key = (data.dtype.str, (data.size,), data.tobytes())
            if key not in symbols:
                symbols[key] = Symbol(
                    f"{name}_layer_{index:02d}_{constant.role}",
                    data.ravel(),
                    constant.kind,
                    f"layer {index}, {call.op.origin.type}: {constant.role}",
                )
            names[constant.role] = symbols[key].name
        layers.append(Layer(index, call, packed, names))
    return Package(plan, name, tuple(symbols.values()), tuple(layers), kernels_in_ram)
