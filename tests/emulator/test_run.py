"""Images run on every board's emulated core: bytes, layers, models, sections, start-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edgegen.emulate.firmware import (
    ModelLibrary,
    Port,
    build_runner,
    input_file,
    output_file,
)
from edgegen.emulate.image import read_image
from edgegen.emulate.machine import run_elf
from edgegen.emulate.sizes import object_sizes
from edgegen.errors import InputError, InternalError, ToolError
from edgegen.target.board import Board, load_board
from tests.emulator.kit import BYTES, arm_boards, expected, from_c, layer_names, two_layers

if TYPE_CHECKING:
    from pathlib import Path

    from edgegen.emulate.memory import MemoryReader

DATA = bytes(range(100, 100 + 3 * BYTES))


@pytest.mark.parametrize("board", arm_boards(), ids=lambda board: board.name)
def test_every_board_computes_the_right_bytes(board: Board, tmp_path: Path) -> None:
    elf = build_runner([two_layers(tmp_path)], board, workdir=tmp_path / "build")
    result = run_elf(elf, board, files={"input.bin": DATA}, layers=layer_names()).check()
    assert result.files == {"input.bin": DATA, "output.bin": expected(DATA)}
    (model,) = result.models
    assert (model.index, model.inferences) == (0, 3)
    parts = (result.run, *result.layers)
    assert sum(part.instructions for part in parts) == result.instructions == model.instructions
    assert sum(count.instructions for count in result.functions) == result.instructions
    assert all(layer.instructions > 3 * BYTES for layer in result.layers)
    assert result.total_instructions > result.instructions
    if board.core.cycle_model is None:
        assert result.cycles is None
    else:
        assert result.cycles == sum(part.cycles or 0 for part in parts)
        assert result.cycles > result.instructions
    assert result.sections[".weights"] == BYTES
    assert result.sections[".stack"] == board.placement.stack_bytes
    assert result.sections[".arena"] == 24
    vectors = {s.name: s.address for s in read_image(elf).symbols}["image_vectors"]
    assert vectors == board.placement.code.usable_origin


@pytest.fixture(scope="module")
def board() -> Board:
    return load_board("nrf52840dk")


@pytest.fixture(scope="module")
def elf(board: Board, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    return build_runner([two_layers(folder)], board, workdir=folder / "build", stack_usage=True)


def test_python_and_native_counters_agree(elf: Path, board: Board) -> None:
    files = {"input.bin": DATA}
    native, python = (
        run_elf(elf, board, files=files, layers=layer_names(), native=native)
        for native in (True, False)
    )
    assert native == python
    assert native.instructions > 0


def test_counts_grow_with_inferences_and_repeat(elf: Path, board: Board) -> None:
    one, again, three = (
        run_elf(elf, board, files={"input.bin": DATA[: count * BYTES]}, layers=layer_names())
        for count in (1, 1, 3)
    )
    assert one == again
    assert three.instructions == 3 * one.instructions
    assert [x.cycles for x in three.layers] == [3 * (x.cycles or 0) for x in one.layers]
    assert three.run_stack_bytes == one.run_stack_bytes


def test_no_input_runs_nothing(elf: Path, board: Board) -> None:
    result = run_elf(elf, board, files={"input.bin": b""}).check()
    assert (result.files["output.bin"], result.instructions, result.models) == (b"", 0, ())


@pytest.mark.parametrize(
    ("files", "code", "text"),
    [({}, 2, "cannot open input.bin\n"), ({"input.bin": DATA[:-1]}, 3, "short input in input.bin")],
)
def test_bad_input_has_its_exit_code(
    elf: Path, board: Board, files: dict[str, bytes], code: int, text: str
) -> None:
    result = run_elf(elf, board, files=files)
    assert (result.exit_code, result.error) == (code, None)
    assert text in result.console


def test_observer_sees_memory_between_layers(elf: Path, board: Board) -> None:
    seen: list[tuple[int, int, int, bytes]] = []

    def observe(number: int, memory: MemoryReader) -> None:
        arena = memory.read(memory.address("arena"), 24)
        seen.append((memory.model, memory.inference, number, arena))

    files = {"input.bin": DATA[: 2 * BYTES]}
    plain = run_elf(elf, board, files=files, layers=layer_names())
    watched = run_elf(elf, board, files=files, layers=layer_names(), observe=observe)
    assert watched == plain
    assert [entry[:3] for entry in seen] == [(0, i, n) for i in range(2) for n in range(3)]
    for entry in range(2):
        given = DATA[entry * BYTES : (entry + 1) * BYTES]
        before, between, after = (seen[3 * entry + n][3] for n in range(3))
        assert before[:8] == given
        assert between[8:16] == expected(given, bias=0)
        assert after[16:] == expected(given)


def test_observer_errors_come_through(elf: Path, board: Board) -> None:
    def observe(number: int, _memory: MemoryReader) -> None:
        raise LookupError(number)

    with pytest.raises(LookupError):
        run_elf(elf, board, files={"input.bin": DATA}, layers=layer_names(), observe=observe)


def test_unknown_layer_is_an_error(elf: Path, board: Board) -> None:
    with pytest.raises(InputError, match="no symbol 'toy_layer_07'"):
        run_elf(elf, board, layers=["toy_layer_07"])


def test_image_of_another_board_is_refused(elf: Path) -> None:
    with pytest.raises(ToolError, match="outside of its memory"):
        run_elf(elf, load_board("nucleo_f446re"))


def test_object_sizes_tell_the_library_from_the_rest(elf: Path) -> None:
    sizes = {(size.name, size.section): size.bytes for size in object_sizes(elf)}
    sections = read_image(elf).sections
    assert sizes["toy_weights", ".weights"] == sections[".weights"] == BYTES
    assert 0 < sizes["toy", ".text"] < sections[".text"]
    text = sum(size for (_, section), size in sizes.items() if section == ".text")
    assert 0 <= sections[".text"] - text < 16


def test_many_models_share_one_image(board: Board, tmp_path: Path) -> None:
    models = [two_layers(tmp_path / f"m{i}", f"m{i}", bias=i) for i in range(5)]
    elf = build_runner(models, board, workdir=tmp_path / "build", optimize="-Os")
    files = {input_file(i, 5): DATA[: (i % 3) * BYTES] for i in range(5)}
    layers = [name for i in range(5) for name in layer_names(f"m{i}")]
    result = run_elf(elf, board, files=files, layers=layers).check()
    for i in range(5):
        assert result.files[output_file(i, 5)] == expected(files[input_file(i, 5)], bias=i)
    assert [(m.index, m.inferences) for m in result.models] == [(1, 1), (2, 2), (4, 1)]
    assert result.sections[".arena"] == 24
    assert result == run_elf(elf, board, files=files, layers=layers, native=False)


def test_models_of_one_name_are_refused(board: Board, tmp_path: Path) -> None:
    model = two_layers(tmp_path)
    with pytest.raises(InternalError, match="distinct names"):
        build_runner([model, model], board, workdir=tmp_path)


def test_several_inputs_and_outputs(board: Board, tmp_path: Path) -> None:
    body = """
#define TOY_INPUT_LEFT_BYTES 3
#define TOY_OUTPUT_SUM_BYTES 1
"""
    model = from_c(
        tmp_path,
        """
int8_t *toy_input_left(toy_arena_t *arena) { return arena->bytes + 8; }
const int8_t *toy_output_sum(toy_arena_t *arena) { return arena->bytes + 11; }
void toy_run(toy_arena_t *arena)
{
    int8_t *b = arena->bytes;
    b[11] = (int8_t)(b[8] + b[9] + b[10] + b[0]);
    b[16] = b[7];
}
""",
    )
    with (tmp_path / "toy.h").open("a", encoding="utf-8") as header:
        header.write(body)
        header.write("int8_t *toy_input_left(toy_arena_t *arena);\n")
        header.write("const int8_t *toy_output_sum(toy_arena_t *arena);\n")
    model = ModelLibrary(
        "toy",
        model.sources,
        model.include_dir,
        (Port("toy_input_left", "TOY_INPUT_LEFT_BYTES"), *model.inputs),
        (Port("toy_output_sum", "TOY_OUTPUT_SUM_BYTES"), *model.outputs),
    )
    elf = build_runner([model], board, workdir=tmp_path / "build")
    data = bytes([1, 2, 3, *range(10, 18)])
    output = run_elf(elf, board, files={"input.bin": data * 2}).check().files["output.bin"]
    assert len(output) == 18
    assert output[0] == output[9] == 1 + 2 + 3 + 10
    assert output[1] == output[10] == 17


@pytest.mark.parametrize("name", ["rp2040", "nucleo_l4r5zi", "mps2_an505"])
def test_start_up_fills_data_and_clears_bss(name: str, tmp_path: Path) -> None:
    body = """
static int8_t initialised[3] = {5, 6, 7};
static int8_t zeroed;
void toy_run(toy_arena_t *arena)
{
    zeroed = (int8_t)(zeroed + 1);
    initialised[0] = (int8_t)(initialised[0] + initialised[1] + initialised[2]);
    arena->bytes[16] = initialised[0];
    arena->bytes[17] = zeroed;
}
"""
    board = load_board(name)
    elf = build_runner([from_c(tmp_path, body)], board, workdir=tmp_path / "build")
    output = run_elf(elf, board, files={"input.bin": DATA}).check().files["output.bin"]
    assert [tuple(output[i : i + 2]) for i in (0, 8, 16)] == [(18, 1), (31, 2), (44, 3)]
