"""What the emulator refuses, and how it says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edgegen.emulate.firmware import ModelLibrary, build_runner
from edgegen.emulate.machine import run_elf
from edgegen.emulate.result import EmulationError, RunResult
from edgegen.resources import boards_dir
from edgegen.target.board import load_board
from tests.emulator.kit import BYTES, from_assembler, from_c

if TYPE_CHECKING:
    from pathlib import Path

SMLAD = """\
    function toy_run
    .short 0xfb21, 0x3002  @ smlad r0, r1, r2, r3
    bx lr
"""
UNALIGNED = """\
    function toy_run
    adds r0, #1
    ldr r1, [r0]
    bx lr
"""
LIMIT = 100_000


def _run(library: ModelLibrary, board_name: str, **limits: float) -> RunResult:
    board = load_board(board_name)
    elf = build_runner([library], board, workdir=library.include_dir / "build")
    options = {"max_instructions": LIMIT, "timeout_s": 20.0, **limits}
    return run_elf(
        elf,
        board,
        files={"input.bin": bytes(BYTES)},
        max_instructions=int(options["max_instructions"]),
        timeout_s=options["timeout_s"],
    )


def _error(result: RunResult) -> str:
    assert result.error is not None
    with pytest.raises(EmulationError):
        result.check()
    return result.error


def test_dsp_instruction_faults_on_m0(tmp_path: Path) -> None:
    error = _error(_run(from_assembler(tmp_path, SMLAD), "rp2040"))
    assert "in toy_run" in error
    assert "nvalid instruction" in error or "undefined" in error


def test_dsp_instruction_is_reported_on_m3(tmp_path: Path) -> None:
    error = _error(_run(from_assembler(tmp_path, SMLAD), "mps2_an385"))
    assert error == "the Arm Cortex-M3 does not have `smlad r0, r1, r2, r3` in toy_run"


def test_dsp_instruction_runs_on_m4(tmp_path: Path) -> None:
    _run(from_assembler(tmp_path, SMLAD), "nrf52840dk").check()


def test_unaligned_load_faults_on_m0_only(tmp_path: Path) -> None:
    library = from_assembler(tmp_path, UNALIGNED)
    error = _error(_run(library, "rp2040"))
    assert "unaligned" in error
    assert "in toy_run" in error
    _run(library, "nrf52840dk").check()


@pytest.mark.parametrize("board", ["rp2040", "nucleo_l4r5zi"])
def test_write_to_flash_faults(tmp_path: Path, board: str) -> None:
    body = """
static const int8_t fixed[4] = {1, 2, 3, 4};
void toy_run(toy_arena_t *arena)
{
    *(volatile int8_t *)(uintptr_t)&fixed[arena->bytes[0]] = 9;
}
"""
    error = _error(_run(from_c(tmp_path, body), board))
    assert error.startswith("write to read-only address 0x")
    assert error.endswith("in toy_run")


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("0x20042000u", "address 0x20042000"),  # Just past the RAM.
        ("0x40000000u", "read from unmapped"),
        ("0x00000000u", "read from unmapped"),
    ],
)
def test_access_outside_of_memory_faults(tmp_path: Path, address: str, what: str) -> None:
    body = f"""
void toy_run(toy_arena_t *arena)
{{
    arena->bytes[16] = *(volatile int8_t *){address};
}}
"""
    error = _error(_run(from_c(tmp_path, body), "rp2040"))
    assert what in error
    assert "in toy_run" in error


def test_memory_that_ends_inside_a_page(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    text = (boards_dir() / "rp2040.toml").read_text(encoding="utf-8")
    path.write_text(text.replace("0x4_2000", "0x4_1810"), encoding="utf-8")
    body = """
void toy_run(toy_arena_t *arena)
{
    arena->bytes[16] = *(volatile int8_t *)0x20041810u;
}
"""
    error = _error(_run(from_c(tmp_path, body), str(path)))
    assert "access outside of memory: 0x20041810" in error


def test_fetch_outside_of_memory_faults(tmp_path: Path) -> None:
    body = (
        "    function toy_run\n    movs r0, #1\n    lsls r0, r0, #30\n    adds r0, #1\n    bx r0\n"
    )
    assert "fetch" in _error(_run(from_assembler(tmp_path, body), "rp2040"))


def test_infinite_loop_hits_the_instruction_limit(tmp_path: Path) -> None:
    library = from_assembler(tmp_path, "    function toy_run\n    b toy_run\n")
    one, two = (_run(library, "nrf52840dk") for _ in range(2))
    assert "did not end within its instruction limit" in _error(one)
    assert LIMIT <= one.total_instructions < LIMIT + 100
    assert one == two


def test_infinite_loop_hits_the_time_limit(tmp_path: Path) -> None:
    library = from_assembler(tmp_path, "    function toy_run\n    b toy_run\n")
    result = _run(library, "nrf52840dk", max_instructions=1e15, timeout_s=0.2)
    assert "did not end within 0.2 s" in _error(result)


def test_unknown_semihosting_call_is_reported(tmp_path: Path) -> None:
    body = "    function toy_run\n    movs r0, #0x99\n    bkpt 0xab\n    bx lr\n"
    assert "semihosting operation 0x99" in _error(_run(from_assembler(tmp_path, body), "rp2040"))


@pytest.mark.parametrize("board", ["rp2040", "nrf52840dk"])
def test_stack_depth_is_measured(tmp_path: Path, board: str) -> None:
    body = """\
    function toy_run
    push {r4, lr}
    sub sp, #256
    str r0, [sp]
    add sp, #256
    pop {r4, pc}
"""
    result = _run(from_assembler(tmp_path, body), board).check()
    assert result.run_stack_bytes == 8 + 256
    assert result.run_stack_bytes < result.stack_bytes < result.run_stack_bytes + 200


def test_stack_overflow_is_reported(tmp_path: Path) -> None:
    body = """\
    function toy_run
    movs r1, #1
    lsls r1, r1, #12
1:  push {r0}
    subs r1, #1
    bne 1b
    ldr r1, =16384
    add sp, r1
    bx lr
"""
    error = _error(_run(from_assembler(tmp_path, body), "nrf52840dk"))
    assert "the stack of 8192 bytes is used up" in error
