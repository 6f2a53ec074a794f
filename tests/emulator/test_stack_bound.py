"""Worst-case stack depths against counts made by hand, the emulator, and GCC's own frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edgegen.emulate.code import read_code
from edgegen.emulate.firmware import build_runner
from edgegen.emulate.frames import UnknownDepthError, frame
from edgegen.emulate.machine import run_elf
from edgegen.emulate.model_run import write_library
from edgegen.emulate.stack_bound import StackBound, stack_bound
from edgegen.emulate.toolchain import read_stack_usage
from edgegen.pipeline import Options, compile_model
from edgegen.target.board import load_board
from tests.emulator.kit import BYTES, from_assembler, from_c
from tests.support.models import DEMO_MODEL

if TYPE_CHECKING:
    from pathlib import Path

BOARDS = ["nrf52840dk", "rp2040"]


def bound_of(
    folder: Path, body: str, board: str = "nrf52840dk", *, c: bool = False, run: bool = True
) -> StackBound:
    """The bound of `toy_run`, given in assembler or C; not less than what the emulator sees."""
    make, target = from_c if c else from_assembler, load_board(board)
    elf = build_runner([make(folder, body)], target, workdir=folder / "build")
    bound = stack_bound(elf, "toy")
    if run and bound.bytes is not None:
        measured = run_elf(elf, target, files={"input.bin": bytes(BYTES)}).check().run_stack_bytes
        assert bound.bytes >= measured
    return bound


CALLS = """\
    function toy_leaf
    push {r0-r3}
    add sp, #16
    bx lr

    function toy_tail
    push {r4, lr}
    sub sp, #24
    add sp, #24
    pop {r4}
    pop {r1}
    mov lr, r1
    b toy_leaf

    function toy_run
    push {r4, lr}
    bl toy_tail
    sub sp, #40
    bl toy_leaf
    add sp, #40
    pop {r4, pc}
"""


@pytest.mark.parametrize("board", BOARDS)
def test_deepest_chain_of_calls(board: str, tmp_path: Path) -> None:
    bound = bound_of(tmp_path, CALLS, board)
    # 8 + 40 + 16; the tail call leaves its frame before: 8 + 8 + 24.
    assert bound == StackBound(64, (("toy_run", 48), ("toy_leaf", 16)))


POINTERS = """\
    function toy_small
    push {r0, r1}
    add sp, #8
    bx lr

    function toy_large
    push {r0-r7}
    add sp, #32
    bx lr

    function toy_huge
    sub sp, #400
    add sp, #400
    bx lr

    function toy_first
    push {r3-r7, lr}
    ldr r3, =table
    ldr r3, [r3]
    blx r3
    pop {r3-r7, pc}

    function toy_second
    push {r4, lr}
    ldr r3, =toy_huge
    blx r3
    pop {r4, pc}

    function toy_run
    push {r4, lr}
    bl toy_first
    bl toy_second
    pop {r4, pc}

    .section .rodata.table, "a"
    .balign 4
    .type table, %object
    .size table, 8
table:
    .word toy_small, toy_large
"""


@pytest.mark.parametrize("board", BOARDS)
def test_pointers_mean_all_functions_in_reach(board: str, tmp_path: Path) -> None:
    target = load_board(board)
    elf = build_runner([from_assembler(tmp_path, POINTERS)], target, workdir=tmp_path / "build")
    # Without layers nothing tells what toy_first is given: whatever the inference can load.
    assert stack_bound(elf, "toy").bytes == 8 + 24 + 400
    # Layers get nothing but the arena: each can call what it can load by itself.
    bound = stack_bound(elf, "toy", ["toy_first", "toy_second", "toy_third"])
    assert bound == StackBound(416, (("toy_run", 8), ("toy_second", 8), ("toy_huge", 400)))
    body = POINTERS.replace("    ldr r3, =toy_huge\n    blx r3\n", "")
    elf = build_runner([from_assembler(tmp_path, body)], target, workdir=tmp_path / "again")
    found = (("toy_run", 8), ("toy_first", 24), ("toy_large", 32))
    assert stack_bound(elf, "toy") == StackBound(64, found)


@pytest.mark.parametrize("board", BOARDS)
def test_pointers_given_to_a_layer_count_in_all(board: str, tmp_path: Path) -> None:
    body = POINTERS.replace("    ldr r3, =toy_huge\n    blx r3\n", "")
    body = body.replace("    bl toy_first\n", "    ldr r1, =toy_huge\n    bl toy_first\n")
    target = load_board(board)
    elf = build_runner([from_assembler(tmp_path, body)], target, workdir=tmp_path / "build")
    assert stack_bound(elf, "toy", ["toy_first", "toy_second"]).bytes == 8 + 24 + 400


JUMPS = """\
    function toy_run
    push {r4, lr}
    movs r1, #4
    add pc, r1
    nop
    b 1f
    b 1f
    sub sp, #16
    add sp, #16
    b 2f
1:  sub sp, #32
    add sp, #32
2:  pop {r4, pc}
"""


def test_code_behind_a_computed_jump_counts(tmp_path: Path) -> None:
    assert bound_of(tmp_path, JUMPS, "rp2040", run=False).bytes == 8 + 32
    only = JUMPS.replace("    sub sp, #32\n    add sp, #32\n", "").replace("1:  sub", "1: @")
    body = only.replace("1:  sub sp, #32\n    add sp, #32\n2:", "1:\n2:")
    assert bound_of(tmp_path / "b", body, "rp2040", run=False).bytes == 8 + 16


def test_conditional_return_goes_on(tmp_path: Path) -> None:
    body = """\
    function toy_run
    push {r4, lr}
    cmp r0, #0
    it eq
    popeq {r4, pc}
    sub sp, #56
    strd r0, r1, [sp, #-8]!
    ldrd r0, r1, [sp], #8
    add sp, #56
    str lr, [sp, #-4]!
    ldr lr, [sp], #4
    vpush {d8-d9}
    vpop {d8-d9}
    ldmia sp!, {r4, pc}
"""
    assert bound_of(tmp_path, body).bytes == 8 + 56 + 8


INSIDE = """\
    function toy_divide
    push {r4-r7, lr}
    push {r0-r3}
    add sp, #16
    pop {r4-r7, pc}
inside:
    push {r4, lr}
    bl toy_leaf
    pop {r4, pc}

    function toy_leaf
    push {r0, r1}
    add sp, #8
    bx lr

    function toy_run
    push {r4, lr}
    bl inside
    pop {r4, pc}
"""


def test_a_function_entered_in_its_middle(tmp_path: Path) -> None:
    """As libgcc's division with a remainder does with the plain one on Armv6-M."""
    bound = bound_of(tmp_path, INSIDE, "rp2040")
    assert bound.chain == (("toy_run", 8), ("toy_divide", 8), ("toy_leaf", 8))


SWITCH = """
int32_t toy_count;
__attribute__((noinline)) static int32_t deep(int32_t x)
{
    volatile int8_t room[200];
    room[0] = (int8_t)x;
    return room[0];
}
void toy_run(toy_arena_t *arena)
{
    switch (arena->bytes[0]) {
    case 0: toy_count += 5; break;
    case 1: toy_count *= 5; break;
    case 2: toy_count -= 3; break;
    case 3: toy_count = deep(toy_count); break;
    case 4: toy_count ^= 9; break;
    case 5: toy_count /= 7; break;
    default: break;
    }
}
"""


@pytest.mark.parametrize("board", [*BOARDS, "mps2_an385"])
def test_branches_of_a_switch_count(board: str, tmp_path: Path) -> None:
    bound = bound_of(tmp_path, SWITCH, board, c=True)
    assert bound.bytes is not None
    assert bound.bytes >= 200
    assert [name for name, _ in bound.chain] == ["toy_run", "deep"]


UNKNOWN = {
    "only running tells": "    function toy_run\n    mov r1, sp\n    mov sp, r1\n    bx lr\n",
    "grows in a loop": "    function toy_run\n1:  push {r4}\n    cmp r0, r4\n    bne 1b\n",
    "recursion": "    function toy_run\n    push {lr}\n    bl toy_run\n    pop {pc}\n",
    "from nowhere": "    function toy_run\n    push {lr}\n    blx r0\n    pop {pc}\n",
}


@pytest.mark.parametrize("why", UNKNOWN)
def test_what_cannot_be_followed_is_said(why: str, tmp_path: Path) -> None:
    bound = bound_of(tmp_path, UNKNOWN[why])
    assert bound.bytes is None
    assert why in bound.why
    assert "toy_run" in bound.why


def test_a_function_that_nothing_is_seen_to_call(tmp_path: Path) -> None:
    body = """
__attribute__((noinline)) void toy_hidden(void) { __asm__ volatile(""); }
void toy_run(toy_arena_t *arena) { arena->bytes[0] = 1; }
"""
    board = load_board("rp2040")
    library = from_c(tmp_path, body)
    text = library.sources[0].read_text()
    text = text.replace("return arena->bytes + 16", "toy_hidden(); return arena->bytes + 16")
    text = text.replace("int8_t *toy_input", "void toy_hidden(void);\nint8_t *toy_input", 1)
    for hidden, answer in (("void", 0), ("static void", None)):
        library.sources[0].write_text(text.replace("void toy_hidden", f"{hidden} toy_hidden"))
        elf = build_runner([library], board, workdir=tmp_path / "build")
        assert stack_bound(elf, "toy").bytes == answer


def test_no_such_model(tmp_path: Path) -> None:
    board = load_board("rp2040")
    elf = build_runner([from_assembler(tmp_path, CALLS)], board, workdir=tmp_path / "build")
    assert stack_bound(elf, "kws").why == "the image has no function kws_run"


@pytest.mark.parametrize("in_ram", [False, True])
@pytest.mark.parametrize("board", BOARDS)
def test_frames_equal_those_of_gcc(board: str, in_ram: bool, tmp_path: Path) -> None:
    """GCC's -fstack-usage knows nothing of assembly, and we read nothing but assembly."""
    target = load_board(board)
    options = Options(kernels_in_ram=in_ram)
    made = compile_model(DEMO_MODEL.read_bytes(), "demo", target.core, options)
    elf = build_runner(
        [write_library(made, tmp_path / "library")],
        target,
        workdir=tmp_path / "build",
        stack_usage=True,
        ram_code=in_ram,
    )
    image = read_code(elf)
    # A naked function's frame is its own affair: GCC says 0.
    of_gcc = {u.function: u.frame_bytes for u in read_stack_usage(tmp_path / "build")}
    compared = 0
    for function in image.functions:
        if not of_gcc.get(function.name):
            continue
        assert frame(image, function).bytes == of_gcc[function.name], function.name
        compared += 1
    assert compared >= 10
    assert stack_bound(elf, "demo").bytes is not None


def test_unknown_instructions_are_refused(tmp_path: Path) -> None:
    body = "    function toy_run\n    .inst.w 0xffffffff\n    bx lr\n"
    board = load_board("nrf52840dk")
    elf = build_runner([from_assembler(tmp_path, body)], board, workdir=tmp_path / "build")
    image = read_code(elf)
    with pytest.raises(UnknownDepthError, match="unknown instruction"):
        frame(image, image.by_name["toy_run"])
