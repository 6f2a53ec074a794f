"""What kernel selection can choose from: kernels, formats and their costs, operator by operator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from edgegen.ir import DType, Op, OpIO
from edgegen.kernels.base import Cost, Formats, KernelIO, Numbers
from edgegen.kernels.formats import DENSE
from edgegen.kernels.program import Rejection
from edgegen.kernels.registry import AnyKernel, kernels_for
from edgegen.kernels.rows import RowKernel
from edgegen.ops.rules import is_float, is_int16
from edgegen.target.cores import Core

PORTABLE = ("scalar", "float32", "int16")
"""Names of the kernels in plain C, which every core can run."""


@dataclass(frozen=True)
class Objective:
    """What selection minimises: cycles, bytes of constants and bytes of code, each with a weight.

    Attributes:
        cycle: weight of a predicted cycle.
        byte: weight of a byte of constants.
        code: weight of a byte of code, each C function counted once.
        expand: whether kernels may be used whose constants are much larger than the model's.
        scalar: whether only plain C kernels may be used: the smallest code, and no scratch.
    """

    cycle: float = 1.0
    byte: float = 0.0
    code: float = 0.0
    expand: bool = True
    scalar: bool = False

    def value(self, cost: Cost, flash: int) -> float:
        """The figure to minimise."""
        return self.cycle * cost.cycles + self.byte * flash


@dataclass(frozen=True, eq=False)
class Choice:
    """A kernel with a combination of formats that it offers; equal only to itself.

    Attributes:
        kernel: the kernel.
        io: the operator's tensors in these formats.
        formats: the combination.
        cost: predicted instructions and cycles.
        flash: bytes of constants.
        scratch: bytes of working memory, and of what is kept between rows.
        kept: bytes of the latter.
        code: estimated bytes of each C function, by name.
    """

    kernel: AnyKernel
    io: KernelIO
    formats: Formats
    cost: Cost
    flash: int
    scratch: int = 0
    kept: int = 0
    code: Mapping[str, int] = field(default_factory=dict)


def choices(
    op: Op, io: OpIO, core: Core, objective: Objective
) -> tuple[tuple[Choice, ...], tuple[Rejection, ...]]:
    """Every feasible choice for an operator, and why the other kernels are none."""
    found: list[Choice] = []
    rejected: list[Rejection] = []
    for kernel in kernels_for(type(op)):
        reason = refusal(kernel, op, io, core, objective)
        if reason:
            rejected.append(Rejection(kernel.path, reason))
            continue
        found += offered(kernel, op, io, core)
    return tuple(found), tuple(rejected)


def offered(kernel: AnyKernel, op: Op, io: OpIO, core: Core) -> list[Choice]:
    """A kernel that accepts an operator, with every combination of formats that it offers."""
    found = []
    for formats in kernel.formats(op, io):
        if not _fits(formats, io):
            continue
        site = KernelIO(io.inputs, io.outputs, formats.inputs, formats.output, core)
        kept = kernel.state_bytes(op, site) if isinstance(kernel, RowKernel) else 0
        found.append(
            Choice(
                kernel,
                site,
                formats,
                kernel.cost(op, site),
                kernel.flash_bytes(op, site),
                kernel.scratch_bytes(op, site) + kept,
                kept,
                kernel.code(op, site),
            )
        )
    return found


def _fits(formats: Formats, io: OpIO) -> bool:
    """Whether the formats other than dense hold int8 only, as they must."""
    held = zip((*formats.inputs, formats.output), (*io.inputs, io.output), strict=True)
    return all(f == DENSE or t is None or t.type.dtype is DType.INT8 for f, t in held)


def refusal(kernel: AnyKernel, op: Op, io: OpIO, core: Core, objective: Objective) -> str:
    """Why a kernel cannot be taken for an operator; empty when it can."""
    missing = kernel.requires - core.features
    if missing:
        return f"{core.name} lacks {', '.join(sorted(missing))}"
    numbers = numbers_of(io)
    if numbers not in kernel.computes:
        return f"the layer computes on {numbers.value}"
    if objective.scalar and not kernel.name.startswith(PORTABLE):
        return "only plain C kernels were asked for"
    if kernel.expands and not objective.expand:
        return "its constants are larger than the model's: only --optimize speed takes it"
    return str(kernel.rejects(op, io, core))


def numbers_of(io: OpIO) -> Numbers:
    """What an operator computes on."""
    if is_float(io):
        return Numbers.FLOAT32
    return Numbers.INT16 if is_int16(io) else Numbers.INTEGER


def rejections(
    offers: Iterable[Choice], rejected: Iterable[Rejection], chosen: Choice
) -> tuple[Rejection, ...]:
    """Why each other kernel of an operator was not chosen.

    Args:
        offers: what could be chosen.
        rejected: kernels that could not.
        chosen: what was.
    """
    others: dict[str, Choice] = {}
    for choice in offers:
        path = choice.kernel.path
        known = others.get(path)
        if path != chosen.kernel.path and (not known or choice.cost.cycles < known.cost.cycles):
            others[path] = choice
    reasons = (
        Rejection(path, f"predicted {_price(c)} against {_price(chosen)}")
        for path, c in sorted(others.items())
    )
    return (*rejected, *reasons)


def _price(choice: Choice) -> str:
    return (
        f"{choice.cost.cycles:,} cycles, {choice.flash:,} bytes of constants and "
        f"{choice.scratch:,} of scratch memory"
    )
