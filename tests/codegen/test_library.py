"""The generated library as a firmware engineer meets it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from edgegen.emulate.toolchain import find_gcc
from edgegen.pipeline import Library, Options, compile_model, render
from edgegen.target.board import load_board
from edgegen.verify.host import WARNINGS
from tests.support.models import DEMO_MODEL
from tests.support.small import small_case

BOARD = load_board("nrf52840")
LEVELS = ["speed", "size"]


def library(optimize: str = "balanced", blob: bytes | None = None) -> Library:
    content = blob if blob is not None else DEMO_MODEL.read_bytes()
    return render(compile_model(content, "kws", BOARD.core, Options(optimize=optimize)), BOARD)


def written(folder: Path, optimize: str = "balanced") -> Path:
    for name, text in library(optimize).files.items():
        (folder / name).write_text(text)
    return folder


def test_the_files_are_there() -> None:
    assert set(library().files) == {
        "kws.h",
        "kws.c",
        "kws_weights.h",
        "kws_weights.c",
        "kws_selftest.c",
        "report.json",
        "CMakeLists.txt",
        "library.json",
    }


def test_the_contract_is_plain_decimal_macros() -> None:
    made = library()
    header = made.files["kws.h"]
    macros = dict(re.findall(r"^#define (\w+) (\S+)$", header, re.MULTILINE))
    assert macros["KWS_ARENA_BYTES"] == str(made.compilation.plan.arena.size)
    assert macros["KWS_INPUT_BYTES"] == str(49 * 10)
    assert macros["KWS_OUTPUT_BYTES"].isdecimal()
    for declaration in (
        "int8_t *kws_input(kws_arena_t *arena);",
        "void kws_run(kws_arena_t *arena);",
        "const int8_t *kws_output(const kws_arena_t *arena);",
    ):
        assert declaration in header


@pytest.mark.parametrize("optimize", LEVELS)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_it_compiles_without_a_warning(compiler: str, optimize: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    folder = written(tmp_path, optimize)
    for source in folder.glob("*.c"):
        done = subprocess.run(
            [compiler, *WARNINGS, "-pedantic", "-c", source.name, "-o", "x.o"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_readers_of_constants_count_on_no_more_alignment_than_there_is(
    compiler: str, tmp_path: Path
) -> None:
    """clang loads 16 bytes at a time from arrays whose declaration does not say otherwise."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    header = library().files["kws_weights.h"]
    (tmp_path / "kws_weights.h").write_text(header)
    names = re.findall(r"extern const \w+ (\w+)\[", header)
    assert names
    checks = "".join(f'_Static_assert(__alignof__({n}) == 4, "{n}");\n' for n in names)
    (tmp_path / "use.c").write_text(f'#include "kws_weights.h"\n{checks}')
    subprocess.run([compiler, "-std=gnu11", "-c", "use.c"], cwd=tmp_path, check=True)


def test_it_is_usable_from_cpp(tmp_path: Path) -> None:
    written(tmp_path)
    source = tmp_path / "use.cpp"
    source.write_text(
        '#include "kws.h"\nstatic kws_arena_t arena;\n'
        "int use() { kws_input(&arena)[0] = 1; kws_run(&arena); return kws_output(&arena)[0]; }\n"
    )
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("g++ is not installed")
    subprocess.run(
        [compiler, "-Wall", "-Wextra", "-Werror", "-c", "use.cpp"], cwd=tmp_path, check=True
    )


@pytest.mark.parametrize("optimize", LEVELS)
def test_no_libc_but_memcpy_and_memset(optimize: str, tmp_path: Path) -> None:
    folder = written(tmp_path, optimize)
    gcc = find_gcc()
    flags = [*BOARD.flags, "-std=c99", "-Os", "-c"]
    for name in ("kws", "kws_weights", "kws_selftest"):
        subprocess.run([gcc, *flags, f"{name}.c"], cwd=folder, check=True)
    nm = gcc.replace("gcc", "nm")
    listing = subprocess.run(
        [nm, "-u", "kws.o"], cwd=folder, capture_output=True, text=True, check=True
    ).stdout
    undefined = {line.split()[-1] for line in listing.splitlines() if line.strip()}
    assert {s for s in undefined if not s.startswith("kws_")} <= {"memcpy", "memset"}
    # No mutable data: everything lives in the arena and in constants.
    sizes = subprocess.run(
        [gcc.replace("gcc", "size"), "kws.o", "kws_weights.o"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for line in sizes.splitlines()[1:]:
        assert line.split()[1:3] == ["0", "0"]


def test_the_same_input_gives_the_same_bytes() -> None:
    assert dict(library().files) == dict(library().files)


def test_nothing_names_a_machine_or_a_date() -> None:
    for name, text in library().files.items():
        places = {str(p) for p in (Path.home(), Path.cwd(), Path(tempfile.gettempdir()))}
        assert not any(place in text for place in places), name
        assert not re.search(r"\b20\d\d-\d\d", text), name


def test_the_report_agrees_with_the_header() -> None:
    made = library()
    report = json.loads(made.files["report.json"])
    assert report["schema"] == 1
    assert report["arena"]["bytes"] == made.compilation.plan.arena.size
    assert report["arena"]["proved_optimal"] is True
    assert [x["function"] for x in report["layers"]] == re.findall(
        r"^    (kws_layer_\w+)\(bytes\);$", made.files["kws.c"], re.MULTILINE
    )
    assert sum(x["macs"] for x in report["layers"]) == made.compilation.graph.macs


def test_selftest_fails_on_a_wrong_weight(tmp_path: Path) -> None:
    """The golden vector is worth something: a changed bias makes it fail."""
    folder = written(tmp_path, "size")
    text = (folder / "kws_weights.c").read_text()
    start = text.index("int32_t kws_layer_00_bias")
    body = text.index("{\n", start) + 2
    end = text.index("}", body)
    changed = re.sub(r"-?\d+", "0", text[body:end])
    (folder / "main.c").write_text(
        '#include "kws.h"\nstatic kws_arena_t a;\nint main(void) { return kws_selftest(&a) != 0; }'
    )

    def run() -> int:
        sources = ["main.c", "kws.c", "kws_weights.c", "kws_selftest.c"]
        subprocess.run(["cc", "-std=c99", "-O1", *sources, "-o", "t"], cwd=folder, check=True)
        return subprocess.run([folder / "t"], check=False).returncode

    assert run() == 0
    (folder / "kws_weights.c").write_text(text[:body] + changed + text[end:])
    assert run() == 1


def test_small_models_render_too() -> None:
    made = library(blob=small_case().model_bytes())
    assert "kws_layer_00_conv2d" in made.files["kws.c"]


@pytest.mark.parametrize("optimize", ["-Os", "-O1", "-O2", "-O3"])
@pytest.mark.parametrize("level", ["speed", "size"])
def test_every_layer_is_called(level: str, optimize: str, tmp_path: Path) -> None:
    """GCC 12.2 for Arm once took a layer for free of effects and dropped its call."""
    folder = written(tmp_path, level)
    gcc = find_gcc()
    subprocess.run(
        [gcc, *BOARD.flags, "-std=c99", optimize, "-S", "kws.c", "-o", "kws.s"],
        cwd=folder,
        check=True,
    )
    body = (folder / "kws.s").read_text().split("\nkws_run:")[1].split(".size\tkws_run")[0]
    called = re.findall(r"\tbl?\t(kws_layer_\d+)", body)
    assert len(called) == len(library(level).compilation.program.calls)
