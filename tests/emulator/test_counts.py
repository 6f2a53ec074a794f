"""Instruction and cycle counts against counts made by hand from the manuals' tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edgegen.emulate.cycles import MODELS, Pricer
from edgegen.emulate.firmware import build_runner
from edgegen.emulate.machine import run_elf
from edgegen.target.board import Board, load_board
from tests.emulator.kit import BYTES, from_assembler

if TYPE_CHECKING:
    from pathlib import Path

# toy_layer_00 loops 10 times; toy_layer_01 does loads, stores and register lists.
PROGRAM = """\
    function toy_layer_00
    movs r1, #10
1:  subs r1, #1
    bne 1b
    bx lr

    function toy_layer_01
    push {r4, r5, lr}
    ldr r1, [r0]
    ldr r2, [r0, #4]
    str r1, [r0, #8]
    muls r1, r2
    ldmia r0!, {r1, r2, r3}
    ldrb r4, [r0]
    adds r4, #1
    strb r4, [r0]
    pop {r4, r5, pc}

    function toy_run
    push {r4, lr}
    movs r4, r0
    bl toy_layer_00
    movs r0, r4
    bl toy_layer_01
    pop {r4, pc}
"""

# Layer 0, from its entry to that of layer 1: movs; 10 x (subs, bne); bx; then movs and bl.
LOOP_INSTRUCTIONS = 1 + 10 * 2 + 1 + 2
LOOP_CYCLES = {
    # A branch costs 1, and 2 more if it is taken: 9 of 10 bne, bx and bl.
    "m4": 1 + 10 * 2 + 9 * 2 + (1 + 2) + 1 + (1 + 2),
    # 2 more if it is taken; BL takes 4 in all.
    "m0": 1 + 10 * 2 + 9 * 2 + (1 + 2) + 1 + 4,
    # 1 more if it is taken; BL takes 3 in all.
    "m0+": 1 + 10 * 2 + 9 * 1 + (1 + 1) + 1 + 3,
}
LOOP_CYCLES["m3"] = LOOP_CYCLES["m33"] = LOOP_CYCLES["m4"]

MEMORY_INSTRUCTIONS = 10
MEMORY_CYCLES = {
    # push 1+3, ldr 2, ldr 1 (pipelined), str 1, muls 1, ldm 1+3, ldrb 2, adds 1, strb 1, pop 1+3+2
    "m4": 4 + 2 + 1 + 1 + 1 + 4 + 2 + 1 + 1 + 6,
    # nothing is pipelined; a return by pop is 4+3
    "m0": 4 + 2 + 2 + 2 + 1 + 4 + 2 + 1 + 2 + 7,
    # nothing is pipelined; a return by pop is 3+3
    "m0+": 4 + 2 + 2 + 2 + 1 + 4 + 2 + 1 + 2 + 6,
}
MEMORY_CYCLES["m3"] = MEMORY_CYCLES["m33"] = MEMORY_CYCLES["m4"]

LAYERS = ("toy_layer_00", "toy_layer_01")


@pytest.fixture(
    scope="module",
    params=["nrf52840dk", "mps2_an385", "nucleo_f091rc", "rp2040", "mps2_an500", "mps2_an505"],
)
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Board, Path]:
    board = load_board(request.param)
    folder = tmp_path_factory.mktemp(board.name)
    return board, build_runner([from_assembler(folder, PROGRAM)], board, workdir=folder / "build")


@pytest.mark.parametrize("native", [True, False])
def test_hand_counted_layers(case: tuple[Board, Path], native: bool) -> None:
    board, elf = case
    result = run_elf(elf, board, files={"input.bin": bytes(BYTES)}, layers=LAYERS, native=native)
    loop = result.check().layers[0]
    functions = {count.symbol: count for count in result.functions}
    memory = functions["toy_layer_01"]
    assert loop.instructions == LOOP_INSTRUCTIONS
    assert functions["toy_layer_00"].instructions == LOOP_INSTRUCTIONS - 2
    assert memory.instructions == MEMORY_INSTRUCTIONS
    assert loop.cycles == LOOP_CYCLES.get(board.core.name)
    assert memory.cycles == MEMORY_CYCLES.get(board.core.name)


# Encodings by GNU as; the price without and with a single load or store just before.
PRICES = {
    "ldr r1, [r0]": ("0168", {"m4": (2, 1), "m3": (2, 1), "m0+": (2, 2), "m0": (2, 2)}),
    "str r1, [r0]": ("0160", {"m4": (1, 1), "m3": (1, 1), "m0+": (2, 2), "m0": (2, 2)}),
    "muls r1, r2": ("5143", {"m4": (1, 1), "m3": (1, 1), "m0+": (1, 1), "m0": (1, 1)}),
    "push {r4-r7, lr}": ("f0b5", {"m4": (6, 6), "m3": (6, 6), "m0+": (6, 6), "m0": (6, 6)}),
    "pop {r4-r7, pc}": ("f0bd", {"m4": (6, 6), "m3": (6, 6), "m0+": (7, 7), "m0": (7, 7)}),
    "pop {r4-r7}": ("f0bc", {"m4": (5, 5), "m3": (5, 5), "m0+": (5, 5), "m0": (5, 5)}),
    "stmia r0!, {r1, r2}": ("06c0", {"m4": (3, 3), "m3": (3, 3), "m0+": (3, 3), "m0": (3, 3)}),
    "bl .+4": ("00f000f8", {"m4": (1, 1), "m3": (1, 1), "m0+": (2, 2), "m0": (2, 2)}),
    "blt .+4": ("00db", {"m4": (1, 1), "m3": (1, 1), "m0+": (1, 1), "m0": (1, 1)}),
    "mrs r0, ipsr": ("eff30580", {"m4": (1, 1), "m3": (1, 1), "m0+": (3, 3), "m0": (4, 4)}),
    "dsb": ("bff34f8f", {"m4": (1, 1), "m3": (1, 1), "m0+": (3, 3), "m0": (4, 4)}),
    "ldrd r1, r2, [r0]": ("d0e90012", {"m4": (3, 3), "m3": (3, 3)}),
    "mla r0, r1, r2, r3": ("01fb0230", {"m4": (1, 1), "m3": (2, 2)}),
    "mls r0, r1, r2, r3": ("01fb1230", {"m4": (1, 1), "m3": (2, 2)}),
    "smull r0, r1, r2, r3": ("82fb0301", {"m4": (1, 1), "m3": (5, 5)}),
    "smlal r0, r1, r2, r3": ("c2fb0301", {"m4": (1, 1), "m3": (7, 7)}),
    "sdiv r0, r1, r2": ("91fbf2f0", {"m4": (7, 7), "m3": (7, 7)}),
    "tbb [pc, r0]": ("dfe800f0", {"m4": (1, 1), "m3": (2, 2)}),
    "smlad r0, r1, r2, r3": ("21fb0230", {"m4": (1, 1)}),
    "vdiv.f32 s0, s1, s2": ("80ee810a", {"m4": (14, 14)}),
    "vmla.f32 s0, s1, s2": ("00ee810a", {"m4": (3, 3)}),
    "vldr s0, [r0]": ("90ed000a", {"m4": (2, 1)}),
    "it eq": ("08bf", {"m4": (1, 1), "m3": (1, 1)}),
}
AFTER_LOAD = bytes.fromhex("0168")


@pytest.mark.parametrize("text", PRICES)
def test_price_of_instruction(text: str) -> None:
    encoding, prices = PRICES[text]
    code = bytes.fromhex(encoding)
    for core, (alone, after_load) in prices.items():
        pricer = Pricer(MODELS[core])
        assert pricer.price(0, code).cycles == alone, core
        assert pricer.price(0, AFTER_LOAD + code).cycles - 2 == after_load, core


def test_m33_is_assumed_to_be_an_m4() -> None:
    for encoding, _ in PRICES.values():
        code = AFTER_LOAD + bytes.fromhex(encoding)
        m4, m33 = (Pricer(MODELS[core]).price(0, code) for core in ("m4", "m33"))
        assert m4 == m33


def test_without_a_model_there_are_no_cycles() -> None:
    pricer = Pricer(None)
    assert not pricer.has_model
    assert pricer.price(0, AFTER_LOAD).cycles == 0


def test_undecodable_bytes_cost_a_cycle_each_instruction() -> None:
    # A coprocessor instruction that no Cortex-M decodes, then movs r0, r0.
    assert Pricer(MODELS["m4"]).price(0, bytes.fromhex("ffffffff" + "0000")).cycles == 2
