"""What a kernel is: an implementation of one operator, chosen at build time for a core.

A kernel is a module `edgegen/kernels/<stem>/<variant>.py` and a template
`templates/kernels/<stem>/<variant>.c.j2`. The template defines two macros: `routine(v)`, the C
function, rendered once for each distinct set of routine variables, and `call(v)`, the body of the
layer's function, which calls it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, Generic, TypeVar

from edgegen.ir import Op, OpIO
from edgegen.ir.types import Array
from edgegen.kernels.formats import DENSE, Format
from edgegen.kernels.order import AccessOrder
from edgegen.target.cores import Core

OpT = TypeVar("OpT", bound=Op)


class ConstantKind(Enum):
    """What a constant array is for; reports count flash by it."""

    WEIGHTS = "weights"
    REQUANTISE = "requantise"
    TABLE = "table"


class Numbers(Enum):
    """What an operator computes on, as its first tensor says; see `edgegen.ops.rules`."""

    INTEGER = "integers"
    INT16 = "int16"
    FLOAT32 = "float32"


ANY_NUMBERS = frozenset(Numbers)
ANY_INTEGERS = frozenset({Numbers.INTEGER, Numbers.INT16})


@dataclass(frozen=True)
class Constant:
    """A constant array that a kernel reads; it is rendered into NAME_weights.c.

    Attributes:
        role: what it is, a C identifier such as `weights` or `bias`; unique in one kernel call.
        data: the packed array, integers or float32, in the order the kernel reads it.
        kind: what flash is counted as.
    """

    role: str
    data: Array = field(compare=False, repr=False)
    kind: ConstantKind = ConstantKind.WEIGHTS


@dataclass(frozen=True)
class Cost:
    """A prediction for one inference on a core, zero wait states."""

    instructions: int
    cycles: int


@dataclass(frozen=True)
class KernelIO(OpIO):
    """An operator's tensors together with how their buffers store them, and the core.

    Attributes:
        input_formats: one for each input; DENSE for constants and absent inputs.
        output_format: the output's.
        core: what the code will run on.
    """

    input_formats: tuple[Format, ...]
    output_format: Format
    core: Core


@dataclass(frozen=True)
class Formats:
    """A combination of formats that a kernel can work with."""

    inputs: tuple[Format, ...]
    output: Format


@dataclass(frozen=True)
class Piece:
    """A C function in templates/lib that is made to measure, such as an unrolled inner tile.

    Attributes:
        template: name of the snippet: templates/lib/<template>.c.j2.
        variant: suffix that tells pieces of one template apart, a C identifier.
        variables: what the template is rendered with, as `v`; equal for equal variants.
    """

    template: str
    variant: str
    variables: Mapping[str, Any] = field(compare=False, repr=False)

    def name(self, prefix: str) -> str:
        """The C function's name."""
        return f"{prefix}_{self.template}_{self.variant}"


@dataclass(frozen=True)
class Packed:
    """What a kernel hands to its template.

    Attributes:
        constants: arrays for NAME_weights.c.
        call: variables of the `call` macro: literals and shapes, no arithmetic left to do.
        routine: variables of the `routine` macro; layers with equal ones share one C function.
        variant: suffix that tells routines of one kernel apart, a C identifier or empty.
        helpers: names of snippets in templates/lib that the routine calls.
        pieces: functions made to measure that `call` names by their key: `v.pieces.<key>`.
    """

    constants: tuple[Constant, ...] = ()
    call: Mapping[str, Any] = field(default_factory=dict)
    routine: Mapping[str, Any] = field(default_factory=dict)
    variant: str = ""
    helpers: tuple[str, ...] = ()
    pieces: Mapping[str, Piece] = field(default_factory=dict)


class Kernel(ABC, Generic[OpT]):
    """One implementation of an operator. Instances have no state."""

    op: ClassVar[type[Op]]
    """The operator it implements."""
    name: ClassVar[str]
    """The variant's name, its module's and template's."""
    requires: ClassVar[frozenset[str]] = frozenset()
    """Features of the core that it needs."""
    code_bytes: ClassVar[int] = 512
    """Flash of one routine, an estimate for the fit check before anything is compiled."""

    computes: ClassVar[frozenset[Numbers]] = frozenset({Numbers.INTEGER})
    """The numbers that it computes on, as the operator's rule tells them apart."""

    pixels_per_pass: ClassVar[int] = 0
    """Output pixels that it computes while it reads its constants once; 0: all of them."""

    expands: ClassVar[bool] = False
    """Whether its constants are much larger than the model's weights."""

    @property
    def path(self) -> str:
        """`<stem>/<variant>`, as reports name it."""
        return f"{self.op.stem}/{self.name}"

    @property
    def template(self) -> str:
        """The template's path below templates/."""
        return f"kernels/{self.path}.c.j2"

    def rejects(self, op: OpT, io: OpIO, core: Core) -> str:  # noqa: ARG002
        """Why the kernel cannot run this operator; empty when it can."""
        return ""

    def formats(self, op: OpT, io: OpIO) -> tuple[Formats, ...]:  # noqa: ARG002
        """Every combination of formats that it offers."""
        return (Formats(tuple(DENSE for _ in io.inputs), DENSE),)

    def scratch_bytes(self, op: OpT, io: KernelIO) -> int:  # noqa: ARG002
        """Working memory in the arena during the call, bytes."""
        return 0

    def flash_bytes(self, op: OpT, io: KernelIO) -> int:  # noqa: ARG002
        """Bytes of constants, predicted without packing them."""
        return sum(t.type.bytes for t in io.inputs if t is not None and t.data is not None)

    def constant_passes(self, op: OpT, io: KernelIO) -> int:  # noqa: ARG002
        """About how often it reads its constants from the first to the last in an inference."""
        if not self.pixels_per_pass:
            return 1
        height, width = io.output.type.shape[1:3]
        return -(-height * width // self.pixels_per_pass)

    def code(self, op: OpT, io: KernelIO) -> Mapping[str, int]:  # noqa: ARG002
        """Estimated bytes of each C function it needs, by name; layers share equal names."""
        return {self.path: self.code_bytes}

    @abstractmethod
    def order(self, op: OpT, io: KernelIO) -> AccessOrder:
        """In which order activations are read and written."""

    @abstractmethod
    def cost(self, op: OpT, io: KernelIO) -> Cost:
        """Predicted instructions and cycles."""

    @abstractmethod
    def pack(self, op: OpT, io: KernelIO) -> Packed:
        """Packs constants and prepares the template's variables."""
