"""The cores edgegen compiles for: one frozen row a core.

Sources: instruction sets and options from the Technical Reference Manual named in each row;
compiler flags from GCC's "ARM Options" and "RISC-V Options".
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from edgegen.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_FPU: Final = "none"

# "hard" passes floats in FPU registers, as the vendors' own projects do on a core that has an FPU.
_FLOAT_FLAGS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        NO_FPU: ("-mfloat-abi=soft",),
        "fpv4-sp-d16": ("-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
        "fpv5-sp-d16": ("-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
        "fpv5-d16": ("-mfpu=fpv5-d16", "-mfloat-abi=hard"),
        # -mfpu=auto, the default: clang does not know the option.
        "mve": ("-mfloat-abi=hard",),
    }
)


@dataclass(frozen=True)
class Core:
    """What edgegen knows about one processor core.

    Attributes:
        name: the short name used in board files, such as "m4".
        title: the name its architects use.
        cpu: the value of `-mcpu` for GCC and clang; of `-march` where `isa` is "riscv".
        fpus: the FPU options the core can be built with; the board says which one it has.
        features: what kernels may ask for: "armv6m" and "armv7m" (no more than these instruction
            sets, so that kernels made for them are the best there are), "long_multiply"
            (32x32->64-bit multiply), "dsp" (SMLAD and the other instructions on packed halves and
            bytes), "mve" (Helium vectors).
        unaligned_access: whether LDR, STR, LDRH and STRH accept any address.
        cycle_model: the model of `edgegen.emulate.cycles` that prices its instructions, or None
            where counting instructions is all that is honest.
        unicorn_model: Unicorn's CPU constant without `UC_CPU_ARM_`, or None where it has none.
        qemu_machine: the QEMU machine that has this core, or None.
        source: the manual behind the row.
        isa: "arm" or "riscv"; it decides the compiler.
        loop_bytes: code bytes that a loop should not exceed, or None; a board with slow flash and
            a small cache sets it: see `Board.tuned_core`.
        priced_as: another core with the same instructions, by whose measured costs kernels are
            chosen; empty for its own.
    """

    name: str
    title: str
    cpu: str
    fpus: tuple[str, ...]
    features: frozenset[str]
    unaligned_access: bool
    cycle_model: str | None
    unicorn_model: str | None
    qemu_machine: str | None
    source: str
    isa: str = "arm"
    loop_bytes: int | None = None
    priced_as: str = ""

    @property
    def pricing(self) -> str:
        """The core whose measured costs its kernels are chosen by; its own name as a rule."""
        return self.priced_as or self.name

    def flags(self, fpu: str) -> tuple[str, ...]:
        """Returns the compiler and linker flags for this core built with `fpu`.

        Raises:
            InternalError: the core is never built with `fpu`; board files are checked before.
        """
        if fpu not in self.fpus:
            raise InternalError(f"{self.title} is never built with the FPU {fpu!r}")
        if self.isa == "riscv":
            # No small data: its section and its base register are one thing less to set up.
            return (f"-march={self.cpu}", "-mabi=ilp32", "-msmall-data-limit=0")
        return (f"-mcpu={self.cpu}", "-mthumb", *_FLOAT_FLAGS[fpu])


_DSP = frozenset({"long_multiply", "dsp"})

CORES: Final[Mapping[str, Core]] = MappingProxyType(
    {
        core.name: core
        for core in (
            Core(
                name="m0+",
                title="Arm Cortex-M0+",
                cpu="cortex-m0plus",
                fpus=(NO_FPU,),
                features=frozenset({"armv6m"}),
                unaligned_access=False,
                cycle_model="m0+",
                # Unicorn has no M0+; the M0 executes the same ARMv6-M instructions.
                unicorn_model="CORTEX_M0",
                qemu_machine="microbit",
                source="Cortex-M0+ TRM, DDI 0484C, section 3.3",
            ),
            Core(
                name="m0",
                title="Arm Cortex-M0",
                cpu="cortex-m0",
                fpus=(NO_FPU,),
                features=frozenset({"armv6m"}),
                unaligned_access=False,
                cycle_model="m0",
                unicorn_model="CORTEX_M0",
                qemu_machine="microbit",
                source="Cortex-M0 TRM, DDI 0432C, section 3.3",
                priced_as="m0+",
            ),
            Core(
                name="m3",
                title="Arm Cortex-M3",
                cpu="cortex-m3",
                fpus=(NO_FPU,),
                features=frozenset({"armv6m", "armv7m", "long_multiply"}),
                unaligned_access=True,
                cycle_model="m3",
                unicorn_model="CORTEX_M3",
                qemu_machine="mps2-an385",
                source="Cortex-M3 TRM, DDI 0337I, section 3.3",
            ),
            Core(
                name="m4",
                title="Arm Cortex-M4",
                cpu="cortex-m4",
                fpus=("fpv4-sp-d16", NO_FPU),
                features=_DSP,
                unaligned_access=True,
                cycle_model="m4",
                unicorn_model="CORTEX_M4",
                qemu_machine="mps2-an386",
                source="Cortex-M4 TRM, 100166_0001, sections 3.3 and 7.2",
            ),
            Core(
                name="m7",
                title="Arm Cortex-M7",
                cpu="cortex-m7",
                fpus=("fpv5-d16", "fpv5-sp-d16", NO_FPU),
                features=_DSP,
                unaligned_access=True,
                # Two instructions a cycle and caches: Arm publishes no timing table.
                cycle_model=None,
                unicorn_model="CORTEX_M7",
                qemu_machine="mps2-an500",
                source="Cortex-M7 TRM, DDI 0489F, chapter 1",
                priced_as="m4",
            ),
            Core(
                name="m33",
                title="Arm Cortex-M33",
                cpu="cortex-m33",
                fpus=("fpv5-sp-d16", NO_FPU),
                features=_DSP,
                unaligned_access=True,
                cycle_model="m33",
                unicorn_model="CORTEX_M33",
                qemu_machine="mps2-an505",
                source="Cortex-M33 TRM, 100230, section A1.4",
                priced_as="m4",
            ),
            Core(
                name="m55",
                title="Arm Cortex-M55",
                cpu="cortex-m55",
                fpus=("mve",),
                features=_DSP | {"mve"},
                unaligned_access=True,
                cycle_model=None,
                unicorn_model=None,
                qemu_machine="mps3-an547",
                source="Cortex-M55 TRM, 101051, chapter A1",
                priced_as="m4",
            ),
            Core(
                name="rv32imc",
                title="RISC-V RV32IMC",
                cpu="rv32imc",
                fpus=(NO_FPU,),
                features=frozenset({"long_multiply"}),
                unaligned_access=False,
                cycle_model=None,
                unicorn_model=None,
                qemu_machine="virt",
                source="The RISC-V Instruction Set Manual I, 20191213, chapters 2, 7, 16",
                isa="riscv",
            ),
        )
    }
)
