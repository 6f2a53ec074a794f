"""How far one function lowers the stack pointer, and where it calls others: from its instructions.

Works on what the compiler and the assembler really made, so that functions in assembly need not
declare anything. A depth is an upper bound over all paths: every instruction is followed with the
deepest stack that any path brings to it. What the analysis cannot follow is an error, never a
guess: a stack pointer set from a register, a stack that grows in a loop.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from capstone import arm

if TYPE_CHECKING:
    from collections.abc import Iterator

    import capstone

    from edgegen.emulate.code import CodeImage, Function

_PUSHES: Final = (arm.ARM_INS_PUSH, arm.ARM_INS_VPUSH)
_POPS: Final = (arm.ARM_INS_POP, arm.ARM_INS_VPOP)
_LISTS_DOWN: Final = (arm.ARM_INS_STMDB, arm.ARM_INS_VSTMDB)
_LISTS_UP: Final = (arm.ARM_INS_LDM, arm.ARM_INS_VLDMIA)
_ADDS: Final = (arm.ARM_INS_ADD, arm.ARM_INS_ADDW)
_SUBTRACTS: Final = (arm.ARM_INS_SUB, arm.ARM_INS_SUBW)
_TABLES: Final = (arm.ARM_INS_TBB, arm.ARM_INS_TBH)
_CALLS: Final = (arm.ARM_INS_BL, arm.ARM_INS_BLX)
_BRANCHES: Final = (arm.ARM_INS_B, arm.ARM_INS_CBZ, arm.ARM_INS_CBNZ)
_SWITCH_HELPER: Final = "__gnu_thumb1_case"
"""libgcc's functions that jump into a table behind their call."""

_VENEER: Final = re.compile(r"__(?P<target>.+)_veneer")
"""What GNU ld calls the code that it inserts for branches that do not reach their target."""


class UnknownDepthError(Exception):
    """The stack pointer cannot be followed; the text says where."""


@dataclass(frozen=True)
class Call:
    """A call, or a jump to another function.

    Attributes:
        target: address of the function; None when a register holds it.
        depth: bytes of the caller's stack in use at the call.
    """

    target: int | None
    depth: int


@dataclass(frozen=True)
class Frame:
    """What one function does to the stack.

    Attributes:
        bytes: the deepest it goes below the stack pointer at its entry, callees left out.
        calls: where it calls others.
    """

    bytes: int
    calls: tuple[Call, ...]


def frame(image: CodeImage, function: Function, entry: int | None = None) -> Frame:
    """Analyses one function.

    Args:
        image: the image that it is in.
        function: the function.
        entry: where it is entered, if that is not its first instruction: libgcc's division by a
            quotient and a remainder enters the plain division behind its test for zero.

    Raises:
        UnknownDepthError: the stack pointer cannot be followed.
    """
    try:
        instructions = tuple(image.instructions(function))
    except ValueError as error:
        raise UnknownDepthError(f"{function.name}: {error}") from error
    walk = _Walk(image, function, instructions)
    walk.run(function.start if entry is None else entry)
    far = _VENEER.fullmatch(function.name)
    if far is not None and far["target"] in image.by_name:
        target = image.by_name[far["target"]].start
        return Frame(max(walk.after.values(), default=0), (Call(target, 0),))
    return Frame(max(walk.after.values(), default=0), tuple(dict.fromkeys(walk.calls())))


def stack_change(instruction: capstone.CsInsn) -> int:
    """By how many bytes an instruction lowers the stack pointer; negative when it raises it.

    Raises:
        UnknownDepthError: by a number that is not in the instruction.
    """
    operands = instruction.operands
    number = instruction.id
    listed = [op.reg for op in operands if op.type == arm.ARM_OP_REG]
    if number in (*_PUSHES, *_POPS):
        return _list_bytes(listed) if number in _PUSHES else -_list_bytes(listed)
    if arm.ARM_REG_SP not in instruction.regs_access()[1]:
        return 0
    if number in (*_LISTS_DOWN, *_LISTS_UP) and listed[0] == arm.ARM_REG_SP:
        moved = _list_bytes(listed[1:])
        return moved if number in _LISTS_DOWN else -moved
    if number in (*_ADDS, *_SUBTRACTS) and operands[-1].type == arm.ARM_OP_IMM:
        if all(register == arm.ARM_REG_SP for register in listed):
            amount = int(operands[-1].imm)
            return amount if number in _SUBTRACTS else -amount
    elif instruction.writeback:
        # str r0, [sp, #-8]! and ldr r0, [sp], #8: one displacement, in the address or after it.
        memory = next((op for op in operands if op.type == arm.ARM_OP_MEM), None)
        if memory is not None and memory.mem.base == arm.ARM_REG_SP and not memory.mem.index:
            after = operands[-1]
            moved = after.imm if after.type == arm.ARM_OP_IMM else memory.mem.disp
            return -int(moved)
    raise UnknownDepthError(
        f"{instruction.mnemonic} {instruction.op_str} at {instruction.address:#010x} sets the "
        "stack pointer to what only running tells"
    )


def _list_bytes(registers: list[int]) -> int:
    doubles = sum(arm.ARM_REG_D0 <= r <= arm.ARM_REG_D31 for r in registers)
    return 4 * (len(registers) + int(doubles))


class _Walk:
    """Follows every path through a function with the deepest stack that reaches each place."""

    def __init__(
        self, image: CodeImage, function: Function, instructions: tuple[capstone.CsInsn, ...]
    ) -> None:
        self._image = image
        self._function = function
        self._at = {i.address: i for i in instructions}
        self._order = instructions
        try:
            self._change = {i.address: stack_change(i) for i in instructions}
        except UnknownDepthError as error:
            raise UnknownDepthError(f"{function.name}: {error}") from error
        self._limit = sum(max(c, 0) for c in self._change.values())
        self.before: dict[int, int] = {}
        self.after: dict[int, int] = {}

    def run(self, entry: int) -> None:
        """Finds the depths before and after every instruction that can be reached."""
        self._follow([(entry, 0)])
        jumps = [self.before[i.address] for i in self._order if self._jumps_anywhere(i)]
        # A computed jump goes to code behind it or in a table; what no other path reaches is taken
        # to be reached from the deepest one, in order of address.
        for instruction in self._order if jumps else ():
            if instruction.address not in self.before:
                self._follow([(instruction.address, max(jumps))])

    def _follow(self, queue: list[tuple[int, int]]) -> None:
        while queue:
            address, depth = queue.pop()
            instruction = self._at.get(address)
            if instruction is None or self.before.get(address, -1) >= depth:
                continue
            self.before[address] = depth
            after = depth + self._change[address]
            if self._conditional(instruction):
                after = max(after, depth)
            self.after[address] = after
            if after > self._limit:
                raise UnknownDepthError(f"{self._function.name}: the stack grows in a loop")
            queue.extend((target, after) for target in self._successors(instruction))

    def calls(self) -> Iterator[Call]:
        """Calls and tail calls with their depths."""
        for address, depth in self.before.items():
            instruction = self._at[address]
            target, is_call = _target(instruction), instruction.id in _CALLS
            if target is None:
                if is_call or _jumps_far(instruction):
                    yield Call(None, depth)
            elif not self._inside(target) or (is_call and target == self._function.start):
                yield Call(target, depth)

    def _inside(self, address: int) -> bool:
        return self._function.start <= address < self._function.end

    def _conditional(self, instruction: capstone.CsInsn) -> bool:
        return instruction.cc not in (arm.ARM_CC_AL, arm.ARM_CC_INVALID)

    def _successors(self, instruction: capstone.CsInsn) -> Iterator[int]:
        """Where control goes next; returns and computed jumps lead nowhere."""
        target = _target(instruction)
        onwards = instruction.address + instruction.size
        recursion = target == self._function.start and instruction.id in _CALLS
        # A call inside of the function comes back at the same depth.
        if target is not None and self._inside(target) and not recursion:
            yield target
        if (
            self._conditional(instruction)
            or instruction.id in (*_CALLS, arm.ARM_INS_CBZ, arm.ARM_INS_CBNZ)
            or not (instruction.id == arm.ARM_INS_B or _writes_pc(instruction))
        ):
            yield onwards

    def _jumps_anywhere(self, instruction: capstone.CsInsn) -> bool:
        """Whether it is a jump to a computed place, which may be in this function."""
        if instruction.address not in self.before:
            return False
        if instruction.id == arm.ARM_INS_BL:
            callee = self._image.by_start.get(_target(instruction) or 0)
            return callee is not None and callee.name.startswith(_SWITCH_HELPER)
        return _writes_pc(instruction) and not _returns(instruction)


def _target(instruction: capstone.CsInsn) -> int | None:
    """Where a direct branch or call goes."""
    if instruction.id not in (*_CALLS, *_BRANCHES):
        return None
    last = instruction.operands[-1]
    return int(last.imm) & 0xFFFFFFFF if last.type == arm.ARM_OP_IMM else None


def _writes_pc(instruction: capstone.CsInsn) -> bool:
    if instruction.id in (*_CALLS, *_BRANCHES):
        return False
    if instruction.id in (*_TABLES, arm.ARM_INS_BX, arm.ARM_INS_BXNS):
        return True
    if instruction.id in _POPS:
        return any(op.reg == arm.ARM_REG_PC for op in instruction.operands)
    return arm.ARM_REG_PC in instruction.regs_access()[1]


def _jumps_far(instruction: capstone.CsInsn) -> bool:
    """Whether it jumps to a function by its address.

    Only BX does: GCC needs it to keep the Thumb state, and writes to the program counter in other
    ways for the branches of a switch. The same is asked of assembly.
    """
    return instruction.id in (arm.ARM_INS_BX, arm.ARM_INS_BXNS) and not _returns(instruction)


def _returns(instruction: capstone.CsInsn) -> bool:
    """Whether it goes back to the caller: from the link register, or from the stack."""
    if instruction.id in (arm.ARM_INS_BX, arm.ARM_INS_BXNS):
        return bool(instruction.operands[0].reg == arm.ARM_REG_LR)
    if instruction.id == arm.ARM_INS_MOV:
        return bool(instruction.operands[-1].reg == arm.ARM_REG_LR)
    return arm.ARM_REG_SP in instruction.regs_access()[1] or instruction.id in _POPS
