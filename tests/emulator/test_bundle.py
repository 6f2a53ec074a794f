"""Several models in one folder with one arena: compiled, linked, run in turn, exact."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

from edgegen.bundle import Bundle, compile_bundle
from edgegen.cli import main
from edgegen.codegen.layout import Layout
from edgegen.emulate.bundle_run import bundle_libraries, run_bundle
from edgegen.emulate.firmware import build_runner
from edgegen.emulate.image import read_image
from edgegen.errors import FitError, InputError, VerificationError
from edgegen.pipeline import Options, compile_model
from edgegen.resources import boards_dir
from edgegen.target.board import load_board
from edgegen.target.places import Places
from edgegen.verify.host import SANITIZERS, WARNINGS
from edgegen.verify.vectors import standard_vectors
from edgegen.verify.verify import reference_runs
from tests.support.cases import load_cases

if TYPE_CHECKING:
    from pathlib import Path

STATIC = Layout(owner="static")


def models(folder: Path) -> list[Path]:
    """Three models: a convolution, a dense layer, and the convolution again."""
    blob, dense = (
        next(c for c in load_cases(stem) if not c.error).model_bytes()
        for stem in ("conv2d", "fully_connected")
    )
    paths = [folder / f"{name}.tflite" for name in ("first", "dense", "again")]
    for path, content in zip(paths, (blob, dense, blob), strict=True):
        path.write_bytes(content)
    return paths


def bundle(folder: Path, board: str, options: Options, count: int = 3) -> Bundle:
    """The first models of `models`, placed on a board."""
    target = options.places.on(load_board(board))
    return compile_bundle(models(folder)[:count], target, options.within(target))


@pytest.mark.parametrize(
    ("board", "options", "region"),
    [
        ("stm32f4discovery", Options(layout=STATIC), "ccm"),
        ("stm32f4discovery", Options(layout=STATIC, places=Places(arena="sram")), "sram"),
        ("rp2040", Options(layout=STATIC, kernels_in_ram=True), "sram"),
        ("rp2040", Options(), "sram"),
    ],
)
def test_models_run_in_turn(board: str, options: Options, region: str, tmp_path: Path) -> None:
    shared = bundle(tmp_path, board, options)
    vectors = [standard_vectors(c.source, random=1) for c in shared.compilations]
    expected = [reference_runs(c, v) for c, v in zip(shared.compilations, vectors, strict=True)]
    rows = run_bundle(shared, [v.batches for v in vectors], expected)
    assert [row.name for row in rows] == ["first", "dense", "again"]
    assert rows[0].instructions == rows[2].instructions
    libraries = bundle_libraries(shared, tmp_path / "library")
    ram = options.kernels_in_ram
    elf = build_runner(libraries, shared.board, workdir=tmp_path / "image", ram_code=ram)
    image = read_image(elf)
    symbol = "models_arena" if options.layout.owner == "static" else "arena"
    (arena,) = [s for s in image.symbols if s.name == symbol]
    sizes = [c.plan.arena.size for c in shared.compilations]
    assert max(sizes) <= arena.size <= max(sizes) + 4
    assert arena.size < sum(sizes)
    assert any(arena.address in w for w in shared.board.region(region).windows)


def test_a_wrong_byte_is_seen(tmp_path: Path) -> None:
    shared = bundle(tmp_path, "rp2040", Options(), count=2)
    vectors = [standard_vectors(c.source, random=0) for c in shared.compilations]
    expected = [reference_runs(c, v) for c, v in zip(shared.compilations, vectors, strict=True)]
    name = shared.compilations[1].graph.outputs[0]
    right = expected[1][0][name]
    raw = bytearray(right.tobytes())
    raw[0] ^= 1
    expected[1][0][name] = np.frombuffer(raw, right.dtype).reshape(right.shape)
    with pytest.raises(VerificationError, match="dense: 1 bytes of output differ"):
        run_bundle(shared, [v.batches for v in vectors], expected)


def test_equal_constants_are_stored_once(tmp_path: Path) -> None:
    shared = bundle(tmp_path, "nrf52840dk", Options(layout=STATIC))
    first, dense, again = shared.packages
    assert first.symbols
    assert not again.symbols
    assert {s.name for s in again.foreign} == {s.name for s in first.symbols}
    assert not dense.foreign
    alone = compile_model(models(tmp_path)[0].read_bytes(), "first", shared.board.tuned_core)
    assert first.bytes_of() == alone.package.bytes_of()
    assert shared.fit.constants == first.bytes_of() + dense.bytes_of()
    libraries = bundle_libraries(shared, tmp_path / "library")
    image = read_image(build_runner(libraries, shared.board, workdir=tmp_path / "image"))
    assert image.sections[".weights"] < shared.fit.constants + 16
    report = json.loads(shared.files["report.json"])
    assert report["constants"]["shared_bytes"] == first.bytes_of()


MAIN = """\
#include "models.h"
int main(void)
{
    static models_arena_t memory;
    models_arena_t *arena = models_arena_at(&memory, sizeof memory);
    if (arena == NULL || models_arena_at((uint8_t *)&memory + 1, sizeof memory) != NULL) {
        return 1;
    }
    for (int i = 0; i < 2; i++) {
        if (dense_selftest(&arena->dense) != 0 || first_selftest(&arena->first) != 0 ||
            again_selftest(&arena->again) != 0) {
            return 2;
        }
    }
    return 0;
}
"""


@pytest.mark.parametrize("owner", ["caller", "static"])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_folder_compiles_as_it_is(compiler: str, owner: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler}")
    options = Options(layout=Layout(arena=".fast", owner=owner))
    folder = tmp_path / "out"
    folder.mkdir()
    for name, text in bundle(tmp_path, "rp2040", options).files.items():
        (folder / name).write_text(text)
    text = MAIN
    if owner == "static":
        text = text.replace("static models_arena_t memory;", "").replace("memory", "models_arena")
    (folder / "main.c").write_text(text)
    command = [compiler, *WARNINGS, "-O1", *SANITIZERS, "-o", "main"]
    sources = sorted(p.name for p in folder.glob("*.c"))
    built = subprocess.run([*command, *sources], cwd=folder, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    assert subprocess.run([folder / "main"], check=False).returncode == 0
    listed = (folder / "CMakeLists.txt").read_text()
    assert all(source in listed for source in sources if source != "main.c")


def test_all_together_must_fit(tmp_path: Path) -> None:
    alone = bundle(tmp_path, "rp2040", Options(), count=1)
    text = (boards_dir() / "rp2040.toml").read_text()
    board = tmp_path / "tight.toml"
    board.write_text(text.replace("size = 0x20_0000", f"size = {256 + alone.fit.flash_used}"))
    assert bundle(tmp_path, str(board), Options(), count=1).fit.flash_used == alone.fit.flash_used
    with pytest.raises(FitError, match="flash 'flash' of rp2040 is short of"):
        bundle(tmp_path, str(board), Options(), count=2)


def test_names_must_differ(tmp_path: Path) -> None:
    board = load_board("rp2040")
    paths = models(tmp_path)
    with pytest.raises(InputError, match="would be called 'first'"):
        compile_bundle([paths[0], paths[0]], board, Options())
    with pytest.raises(InputError, match="would be called 'first'"):
        compile_bundle(paths, board, Options(name="first"))


def test_the_command_line(tmp_path: Path) -> None:
    paths = [str(p) for p in models(tmp_path)]
    out = tmp_path / "out"

    def call(*arguments: str, status: int = 0) -> str:
        result = CliRunner().invoke(main, list(arguments))
        assert result.exit_code == status, result.output
        return " ".join(result.output.split())

    text = call(
        "build", *paths, "-b", "stm32f407", "--shared-arena", "--name", "net", "-o", str(out)
    )
    assert "write NET_ARENA_SECTION before its definition" in text
    assert "stored once for several models" in text
    report = json.loads((out / "report.json").read_text())
    arenas = [model["arena"]["bytes"] for model in report["models"]]
    assert report["shared_arena"]["bytes"] == max(arenas)
    assert report["shared_arena"]["region"] == "ccm"
    assert [m["placement"]["arena"]["shared_as"] for m in report["models"]] == ["net"] * 3
    assert (out / "net.h").exists()
    text = call("run", *paths[:2], "-b", "pico", "--shared-arena", "--arena", "static")
    assert "exact" in text
    assert "dense" in text
    assert "--shared-arena" in call("build", *paths, "-b", "pico", status=1)
    assert "for one model" in call(
        "run", *paths, "-b", "pico", "--shared-arena", "--inputs", paths[0], status=1
    )
