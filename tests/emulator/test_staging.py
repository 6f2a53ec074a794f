"""Constants that are copied to RAM just before a layer runs: exact, and only where it pays."""

from __future__ import annotations

import bisect
import functools
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from unicorn import unicorn_const

from edgegen.codegen.package import pack
from edgegen.emulate.firmware import build_runner, input_file, output_file
from edgegen.emulate.image import read_image
from edgegen.emulate.machine import run_elf
from edgegen.emulate.model_run import ModelRun, write_library
from edgegen.pipeline import Compilation, Options, compile_model
from edgegen.plan.plan import plan
from edgegen.target.board import load_board
from edgegen.target.places import Places
from edgegen.target.stage import Reading, stage, staged_bytes
from edgegen.verify.host import SANITIZERS
from edgegen.verify.reference import evaluate, ramp
from edgegen.verify.vectors import standard_vectors
from edgegen.verify.verify import verify_host
from tests.support import firmware
from tests.support.each_kernel import each_kernel
from tests.support.models import DEMO_MODEL

if TYPE_CHECKING:
    from pathlib import Path

    from edgegen.emulate.memory import MemoryReader
    from edgegen.kernels.program import Program
    from edgegen.kernels.registry import AnyKernel

NOWHERE = Reading(0, 4, 0, external=False)


@dataclass(frozen=True)
class Used:
    """A kernel's layer.

    Attributes:
        size: bytes of its largest constant array.
        passes: how often that was read.
        declared: what the kernel says about it.
        sweeps: how often it was read from its first half to its last and again.
        output: of the program.
    """

    kernel: AnyKernel
    size: int
    passes: float
    declared: int
    sweeps: int
    output: bytes


@functools.cache
def kernels_of(board_name: str, names: str) -> list[tuple[AnyKernel, Program]]:
    """Programs for the kernels with such names that have constants."""
    found = each_kernel(load_board(board_name).core, names)
    return [
        (kernel, program)
        for kernel, program in found
        if any(staged_bytes(c) for c in program.calls if c.kernel.path == kernel.path)
    ]


def count_reads(board_name: str, names: str, folder: Path, *, staged: bool) -> list[Used]:
    """Runs a program for every kernel in one image, checks all outputs, and counts reads of flash.

    Args:
        board_name: where.
        names: a regular expression for the kernels' names.
        folder: for the files.
        staged: whether to copy constants.

    Returns:
        The kernels that have constants, with what was counted.
    """
    board = load_board(board_name)
    # Unicorn does not count in the block that runs when counting begins: the first model is extra.
    found = [kernels_of(board_name, names)[0], *kernels_of(board_name, names)]
    compilations = []
    for number, (_, program) in enumerate(found):
        chosen = stage(program, NOWHERE, "all" if staged else "off")
        compilations.append(
            Compilation(program.graph, program.graph, pack(plan(chosen), f"m{number}"), {})
        )
    libraries = [write_library(c, folder / c.name) for c in compilations]
    elf = build_runner(libraries, board, workdir=folder / "image")
    image = read_image(elf)
    arrays = sorted((s.address, s.size, s.name) for s in image.symbols if s.section == ".weights")
    starts, reads, sweeps = [a for a, _, _ in arrays], Counter[str](), Counter[str]()
    latest: dict[str, int] = {}

    def on_read(_uc: object, _access: int, address: int, size: int, *_rest: object) -> None:
        start, length, name = arrays[bisect.bisect_right(starts, address) - 1]
        assert address + size <= start + length
        reads[name] += size
        sweeps[name] += latest.get(name, address + length) - address > length // 2
        latest[name] = address

    hooked: list[bool] = []

    def observe(_number: int, memory: MemoryReader) -> None:
        if not hooked:
            hooked.append(True)
            last = arrays[-1][0] + arrays[-1][1] - 1
            memory._uc.hook_add(unicorn_const.UC_HOOK_MEM_READ, on_read, None, starts[0], last)

    count = len(compilations)
    batches = [{n: ramp(c.graph.tensor(n).type) for n in c.graph.inputs} for c in compilations]
    files = {
        input_file(i, count): b"".join(b[n].tobytes() for n in c.graph.inputs)
        for i, (c, b) in enumerate(zip(compilations, batches, strict=True))
    }
    layers = [c.package.layers[0].function_name(c.name) for c in compilations]
    result = run_elf(elf, board, files=files, layers=layers, observe=observe).check()
    used = []
    for i, (kernel, c, batch) in enumerate(
        (k, c, b) for (k, _), c, b in zip(found, compilations, batches, strict=True)
    ):
        values = evaluate(c.graph, batch)
        wanted = b"".join(values[n].tobytes() for n in c.graph.outputs)
        output = result.files[output_file(i, count)]
        # Float32 kernels may round otherwise than the reference.
        assert output == wanted or c.graph.computes_float, kernel.path
        layer = next(x for x in c.package.layers if x.call.kernel.path == kernel.path)
        role = max(layer.packed.constants, key=lambda x: x.data.nbytes)
        size, name = role.data.nbytes, layer.constants[role.role]
        declared = kernel.constant_passes(layer.call.op, layer.call.io)
        used.append(Used(kernel, size, reads[name] / size, declared, sweeps[name], output))
    return used[1:]


@pytest.mark.parametrize(
    ("board", "names"), [("nucleo_l4r5zi", ""), ("rp2040", "v6m"), ("mps2_an385", "v7m")]
)
def test_kernels_say_how_often_they_read_constants(board: str, names: str, tmp_path: Path) -> None:
    in_place = count_reads(board, names, tmp_path / "a", staged=False)
    assert any(u.declared > 1 for u in in_place)
    for u in in_place:
        # Taps outside of the image are not read, and tables only where inputs point to. What is
        # read once a row of the image or the batch, or has a few words, is not worth a copy; nor
        # is what a kernel reads a few words of many times before it goes on to the next.
        if u.declared > 1:
            assert 0.7 * u.declared <= u.passes <= 1.2 * u.declared, u
        elif u.size > 64:
            assert min(u.passes, u.sweeps) <= 5, u
    copied = count_reads(board, names, tmp_path / "b", staged=True)
    assert [(u.kernel, u.output) for u in copied] == [(u.kernel, u.output) for u in in_place]
    assert {u.passes for u in copied} == {1.0}


@functools.cache
def compiled(board_name: str, staging: str) -> Compilation:
    """Keyword spotting on a board, by the pipeline."""
    board = load_board(board_name)
    options = Options(staging=staging).within(board)
    return compile_model(DEMO_MODEL.read_bytes(), "demo", options.core(board), options)


@functools.cache
def demo(board_name: str, staging: str, ram_budget: int | None = None) -> Compilation:
    """The same kernels with any staging."""
    plain, reading = compiled(board_name, "off"), Reading.of(load_board(board_name))
    program = stage(plain.program, reading, staging, ram_budget)
    return replace(plain, package=pack(plan(program), "demo"))


def run(board_name: str, staging: str) -> ModelRun:
    """Runs it; a wrong byte raises."""
    return firmware.run(demo(board_name, staging), load_board(board_name), random=0)


def staged(program: Program) -> list[str]:
    """Stems of the layers that are copied."""
    return [call.op.stem for call in program.calls if call.staged_bytes]


@pytest.mark.parametrize("board", ["nucleo_l4r5zi", "stm32f4discovery"])
def test_copying_pays_on_slow_flash(board: str) -> None:
    plain, copied = run(board, "off"), run(board, "auto")
    if board == "nucleo_l4r5zi":
        assert compiled(board, "auto").plan == demo(board, "auto").plan
    # Depthwise kernels and the dense layer read their weights once.
    assert set(staged(demo(board, "auto").program)) == {"conv2d"}
    assert plain.on_board is not None
    assert copied.on_board is not None
    assert copied.on_board[1] < 0.95 * plain.on_board[0]
    assert plain.cycles is not None
    assert copied.cycles is not None
    assert copied.cycles == pytest.approx(plain.cycles, rel=0.01)
    assert copied.arena_bytes > plain.arena_bytes


def test_the_price_is_predicted() -> None:
    for board in ("nucleo_l4r5zi", "rp2040"):
        plain, copied = run(board, "off"), run(board, "all")
        for one, other in zip(plain.layers, copied.layers, strict=True):
            # The compiler sees more of the parameters of some layers when they are not constant.
            if one.op == "DEPTHWISE_CONV_2D":
                assert one.cycles is not None
                assert other.cycles is not None
                assert other.predicted - one.predicted == pytest.approx(
                    other.cycles - one.cycles, rel=0.1
                )


def test_nothing_is_copied_where_it_does_not_pay() -> None:
    # RP2040's cache holds the weights; the MPS2 boards have no wait states.
    for board in ("rp2040", "mps2_an505"):
        assert not staged(demo(board, "auto").program)
        assert demo(board, "auto").plan.arena.size == demo(board, "off").plan.arena.size
    inside = Places(weights="sram").on(load_board("stm32f4discovery"))
    assert Reading.of(inside).gain(4096, 100, inside.core) == 0
    outside = Places(weights="qspi").on(load_board("nrf52840dk"))
    assert Reading.of(outside).gain(4096, 100, outside.core) > 0
    assert Reading.of(outside).gain(4096, 1, outside.core) == 0


def test_the_budget_holds() -> None:
    free, none = demo("nucleo_l4r5zi", "auto"), demo("nucleo_l4r5zi", "off")
    # Room for some of the copies only.
    budget = (free.plan.arena.size + none.plan.arena.size) // 2 & ~3
    some = demo("nucleo_l4r5zi", "auto", budget)
    assert some.plan.arena.size <= budget
    assert 0 < len(staged(some.program)) < len(staged(free.program))


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_copies_are_exact_on_the_host(compiler: str) -> None:
    compilation = demo("nucleo_l4r5zi", "all")
    vectors = standard_vectors(compilation.source, random=1)
    verify_host(compilation, vectors, compiler=compiler, flags=("-O2", *SANITIZERS))
