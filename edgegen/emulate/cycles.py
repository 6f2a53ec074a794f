"""Prices basic blocks in clock cycles, from the instruction tables of Arm's manuals.

Zero wait states, no interrupts, no bus contention. `docs/cycle-model.md` explains the rules, what
they leave out, and why the Cortex-M7 has no model.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import capstone
from capstone import arm

from edgegen.emulate.code import disassembler

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LOADS: Final = frozenset(
    {
        *(arm.ARM_INS_LDR, arm.ARM_INS_LDRB, arm.ARM_INS_LDRH, arm.ARM_INS_LDRSB),
        *(arm.ARM_INS_LDRSH, arm.ARM_INS_LDRT, arm.ARM_INS_LDRBT, arm.ARM_INS_LDRHT),
        *(arm.ARM_INS_LDRSBT, arm.ARM_INS_LDRSHT, arm.ARM_INS_LDREX, arm.ARM_INS_LDREXB),
        *(arm.ARM_INS_LDREXH, arm.ARM_INS_VLDR),
    }
)
_STORES: Final = frozenset(
    {
        *(arm.ARM_INS_STR, arm.ARM_INS_STRB, arm.ARM_INS_STRH, arm.ARM_INS_STRT),
        *(arm.ARM_INS_STRBT, arm.ARM_INS_STRHT, arm.ARM_INS_STREX, arm.ARM_INS_STREXB),
        *(arm.ARM_INS_STREXH, arm.ARM_INS_VSTR),
    }
)
_PAIRS: Final = frozenset({arm.ARM_INS_LDRD, arm.ARM_INS_STRD})
# Register lists: after a base register, or of the stack.
_LISTS_WITH_BASE: Final = frozenset(
    {
        *(arm.ARM_INS_LDM, arm.ARM_INS_LDMDB, arm.ARM_INS_STM, arm.ARM_INS_STMDB),
        *(arm.ARM_INS_VLDMIA, arm.ARM_INS_VLDMDB, arm.ARM_INS_VSTMIA, arm.ARM_INS_VSTMDB),
    }
)
_LISTS: Final = frozenset({arm.ARM_INS_PUSH, arm.ARM_INS_POP, arm.ARM_INS_VPUSH, arm.ARM_INS_VPOP})

# SMLAD and the like; SXTB16, UXTAB, PKHBT and the like.
_DSP_GROUPS: Final = (arm.ARM_GRP_THUMB2DSP, arm.ARM_GRP_T2EXTRACTPACK)

_DIVIDE: Final = MappingProxyType({arm.ARM_INS_SDIV: 7, arm.ARM_INS_UDIV: 7})
_FLOAT: Final = MappingProxyType(
    {
        **dict.fromkeys((arm.ARM_INS_VDIV, arm.ARM_INS_VSQRT), 14),
        **dict.fromkeys(
            (
                *(arm.ARM_INS_VMLA, arm.ARM_INS_VMLS, arm.ARM_INS_VNMLA, arm.ARM_INS_VNMLS),
                *(arm.ARM_INS_VFMA, arm.ARM_INS_VFMS, arm.ARM_INS_VFNMA, arm.ARM_INS_VFNMS),
            ),
            3,
        ),
    }
)


@dataclass(frozen=True)
class CycleModel:
    """The price of each instruction of one core, in cycles.

    Attributes:
        name: the core's short name.
        source: where the numbers were read, or what was assumed.
        taken: added when the program counter goes elsewhere: the pipeline refill.
        load: a single load.
        load_after_memory: a single load right after a single load or store in the same block.
        store: a single store.
        pair: LDRD and STRD.
        return_by_pop: added to POP when its list holds the program counter, besides `taken`.
        others: what costs neither 1 nor one of the above, by Capstone's instruction number.
            Register lists cost 1 and a cycle a register.
    """

    name: str
    source: str
    taken: int
    load: int
    load_after_memory: int
    store: int
    pair: int
    return_by_pop: int
    others: Mapping[int, int]

    def price(self, instruction: capstone.CsInsn, after_memory: bool) -> int:
        """Returns the cycles of `instruction`, not counting a pipeline refill.

        Args:
            instruction: with details, so that its operands can be counted.
            after_memory: whether the one before it in the block was a single load or store.
        """
        number = instruction.id
        if number in _LOADS:
            return self.load_after_memory if after_memory else self.load
        if number in _STORES:
            return self.store
        if number in _PAIRS:
            return self.pair
        if number in _LISTS or number in _LISTS_WITH_BASE:
            registers = [op.reg for op in instruction.operands if op.type == arm.ARM_OP_REG]
            count = len(registers) - (number in _LISTS_WITH_BASE)
            returns = number == arm.ARM_INS_POP and arm.ARM_REG_PC in registers
            return 1 + count + (self.return_by_pop if returns else 0)
        return self.others.get(number, 1)


_M4: Final = CycleModel(
    name="m4",
    source="Cortex-M4 TRM 100166_0001, table 3-1 and section 3.3.2; FPU table 7-1",
    taken=2,  # The TRM gives 1 to 3.
    load=2,
    load_after_memory=1,
    store=1,
    pair=3,
    return_by_pop=0,
    others=MappingProxyType({**_DIVIDE, **_FLOAT}),
)

MODELS: Final[Mapping[str, CycleModel]] = MappingProxyType(
    {
        "m4": _M4,
        "m33": CycleModel(
            name="m33",
            source="assumed equal to the Cortex-M4: Arm publishes no table for the Cortex-M33",
            taken=_M4.taken,
            load=_M4.load,
            load_after_memory=_M4.load_after_memory,
            store=_M4.store,
            pair=_M4.pair,
            return_by_pop=_M4.return_by_pop,
            others=_M4.others,
        ),
        "m3": CycleModel(
            name="m3",
            source="Cortex-M3 TRM DDI 0337I, table 3-1 and section 3.3.2",
            taken=2,
            load=2,
            load_after_memory=1,
            store=1,
            pair=3,
            return_by_pop=0,
            others=MappingProxyType(
                {
                    **_DIVIDE,
                    arm.ARM_INS_MLA: 2,
                    arm.ARM_INS_MLS: 2,
                    # 3 to 5 and 4 to 7 by the size of the operands. Requantisation, their one use
                    # in integer networks, multiplies by a constant with its top bit set: the most.
                    arm.ARM_INS_SMULL: 5,
                    arm.ARM_INS_UMULL: 5,
                    arm.ARM_INS_SMLAL: 7,
                    arm.ARM_INS_UMLAL: 7,
                    arm.ARM_INS_TBB: 2,
                    arm.ARM_INS_TBH: 2,
                }
            ),
        ),
        "m0": CycleModel(
            name="m0",
            source="Cortex-M0 TRM DDI 0432C, table 3-1, with the single-cycle multiplier",
            taken=2,
            load=2,
            load_after_memory=2,
            store=2,
            pair=2,  # The core has no LDRD.
            return_by_pop=1,
            others=MappingProxyType(
                {
                    arm.ARM_INS_BL: 2,
                    **dict.fromkeys((arm.ARM_INS_MRS, arm.ARM_INS_MSR), 4),
                    **dict.fromkeys((arm.ARM_INS_DMB, arm.ARM_INS_DSB, arm.ARM_INS_ISB), 4),
                }
            ),
        ),
        "m0+": CycleModel(
            name="m0+",
            source="Cortex-M0+ TRM DDI 0484C, table 3-1, with the single-cycle multiplier",
            taken=1,
            load=2,
            load_after_memory=2,
            store=2,
            pair=2,  # The core has no LDRD.
            return_by_pop=1,
            others=MappingProxyType(
                {
                    arm.ARM_INS_BL: 2,
                    **dict.fromkeys((arm.ARM_INS_MRS, arm.ARM_INS_MSR), 3),
                    **dict.fromkeys((arm.ARM_INS_DMB, arm.ARM_INS_DSB, arm.ARM_INS_ISB), 3),
                }
            ),
        ),
    }
)


@dataclass(frozen=True)
class BlockPrice:
    """What one execution of a block costs: `taken_cycles` more if it leaves by a taken branch."""

    cycles: int
    taken_cycles: int
    dsp: str | None
    """The first instruction of the DSP extension in the block, if there is one."""


@dataclass(frozen=True)
class InstructionPrice:
    """What an instruction costs.

    Attributes:
        at: its place, bytes from the start of the block.
        size: its bytes.
        cycles: not counting a pipeline refill.
        dsp: its text if it belongs to the DSP extension.
    """

    at: int
    size: int
    cycles: int
    dsp: str | None


class Pricer:
    """Disassembles and prices blocks, each one once."""

    def __init__(self, model: CycleModel | None) -> None:
        """Prices with `model`; without one, cycles are 0."""
        self._model = model
        self._prices: dict[tuple[int, bytes], BlockPrice] = {}
        self._disassembler = disassembler()

    @property
    def has_model(self) -> bool:
        """Whether there are cycles at all."""
        return self._model is not None

    @property
    def taken(self) -> int:
        """Cycles that a taken branch adds."""
        return self._model.taken if self._model else 0

    def price(self, address: int, code: bytes) -> BlockPrice:
        """Returns the price of the block `code` at `address`."""
        key = (address, code)
        if key not in self._prices:
            self._prices[key] = self._price(address, code)
        return self._prices[key]

    def instructions(self, address: int, code: bytes) -> Iterator[InstructionPrice]:
        """Returns the price of every instruction of the block `code` at `address`, in order."""
        at = 0
        after_memory = False
        while at < len(code):
            instruction = next(self._disassembler.disasm(code[at:], address + at, 1), None)
            if instruction is None:
                # Unknown to Capstone: one cycle, the price of everything without an entry.
                size = 4 if code[at + 1] >> 3 >= 0x1D else 2
                yield InstructionPrice(at, size, 1, None)
                after_memory = False
            else:
                size = instruction.size
                cycles = self._model.price(instruction, after_memory) if self._model else 0
                dsp = None
                if any(instruction.group(group) for group in _DSP_GROUPS):
                    dsp = f"{instruction.mnemonic} {instruction.op_str}"
                yield InstructionPrice(at, size, cycles, dsp)
                after_memory = instruction.id in _LOADS or instruction.id in _STORES
            at += size

    def _price(self, address: int, code: bytes) -> BlockPrice:
        found = tuple(self.instructions(address, code))
        return BlockPrice(
            sum(instruction.cycles for instruction in found) if self._model else 0,
            self.taken,
            next((instruction.dsp for instruction in found if instruction.dsp), None),
        )
