"""Arduino and Zephyr: the layout that their tools demand, and programs that run with stand-ins.

Neither arduino-cli nor Zephyr is used: the rules of arduino-lint and the schema of module.yml are
written down here, and the sketch and the sample are built for this machine with stand-ins for the
core and the kernel, in tests/support/hosted.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.firmware.kit import project

HOSTED = Path(__file__).parents[1] / "support/hosted"
NAME = "keyword_spotting"
BOARD = (
    "nucleo_l4r5zi"  # its arena has a section of its own where the project has the linker script
)
WARNINGS = ("-Wall", "-Wextra", "-Wshadow", "-Werror")
# Arduino's library specification, "category".
CATEGORIES = {
    *("Display", "Communication", "Signal Input/Output", "Sensors", "Device Control", "Timing"),
    *("Data Storage", "Data Processing", "Other"),
}


def run(*command: str | Path, cwd: Path | None = None, typed: str = "") -> str:
    done = subprocess.run(
        command, cwd=cwd, input=typed, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def need(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


def test_library_properties(tmp_path: Path) -> None:
    folder = tmp_path / NAME
    project(BOARD, "arduino", folder)
    lines = (folder / "library.properties").read_text().splitlines()
    fields = dict(line.split("=", 1) for line in lines)
    # arduino-lint, rules LP: required fields, and what they may hold.
    required = {"name", "version", "author", "maintainer", "sentence", "paragraph"}
    assert fields.keys() >= required | {"category", "url", "architectures"}
    assert re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9 _.\-]{0,62}", fields["name"])
    assert "arduino" not in fields["name"].lower()
    assert re.fullmatch(r"\d+\.\d+\.\d+", fields["version"])
    assert fields["category"] in CATEGORIES
    assert fields["url"].startswith("https://")
    assert fields["sentence"] not in fields["paragraph"]
    assert all(fields.values())
    for header in fields["includes"].split(","):
        assert (folder / "src" / header).is_file()
    # Rules LS: the library's layout.
    assert not [p for p in folder.iterdir() if p.suffix in (".c", ".h", ".cpp", ".ino")]
    assert {p.name for p in folder.iterdir()} == {
        *("README.md", "library.properties", "src", "examples", "extras")
    }
    for example in (folder / "examples").iterdir():
        assert (example / f"{example.name}.ino").is_file()  # SS: named as its folder


@pytest.mark.parametrize("app", ["demo", "console"])
def test_the_sketch_runs(app: str, tmp_path: Path) -> None:
    need("gcc", "g++")
    folder = tmp_path / NAME
    project(BOARD, "arduino", folder, app=app)
    printed = run(build_sketch(folder, f"{NAME}_{app}", tmp_path), typed="selftest%")
    if app == "demo":
        assert "sample 0: down, labelled down" in printed
        assert "PASS: 2 of 2 outputs equal the reference\r\ndone" in printed.replace("\n", "\r\n")
    else:
        # The macro that lets the self-test look at layers reaches an Arduino build, too.
        assert re.search(r"m-layer +0 CONV_2D +crc [0-9a-f]{8} ok", printed)
        assert "m-selftest-[PASS]" in printed


def test_the_readme_has_the_rate_of_the_sketch(tmp_path: Path) -> None:
    for app in ("console", "mlperf-energy"):
        folder = tmp_path / app
        project(BOARD, "arduino", folder, app=app)
        (sketch,) = folder.rglob("board.cpp")
        rate = re.search(r"Serial\.begin\((\d+)\)", sketch.read_text())
        assert rate is not None
        assert f"At {rate[1]} baud" in (folder / "README.md").read_text()


def build_sketch(folder: Path, name: str, work: Path) -> Path:
    """The program of a sketch in the examples of a library folder."""
    example = folder / "examples" / name
    # As the Arduino tools do: the sketch becomes C++ with this line before it.
    sketch = work / "sketch.cpp"
    text = (example / f"{name}.ino").read_text()
    sketch.write_text("#include <Arduino.h>\n" + text, encoding="utf-8")
    arduino = HOSTED / "arduino"
    includes = [f"-I{path}" for path in (folder / "src", example, arduino)]
    objects = []
    for source in [*folder.rglob("*.c"), *example.glob("*.cpp"), sketch, arduino / "core.cpp"]:
        compiler = ("gcc",) if source.suffix == ".c" else ("g++", "-std=gnu++11")
        objects.append(work / f"{source.stem}.o")
        run(*compiler, "-O1", *WARNINGS, *includes, "-c", source, "-o", objects[-1])
    run("g++", *objects, "-lm", "-o", work / "sketch")
    return work / "sketch"


def test_module_yml(tmp_path: Path) -> None:
    folder = tmp_path / "module"
    project(BOARD, "zephyr", folder)
    text = (folder / "zephyr/module.yml").read_text()
    # scripts/zephyr_module.py, METADATA_SCHEMA: the keys that are used, and that their paths exist.
    # A string even where YAML takes the word for something else, such as "on".
    assert re.search(rf'^name: "{NAME}"$', text, re.M)
    cmake = re.search(r"^build:\n  cmake: (\S+)\n  kconfig: (\S+)$", text, re.M)
    assert cmake is not None
    assert (folder / cmake[1] / "CMakeLists.txt").is_file()
    assert (folder / cmake[2]).is_file()
    samples = re.search(r"^samples:\n  - (\S+)$", text, re.M)
    assert samples is not None
    assert list((folder / samples[1]).glob("*/sample.yaml"))
    keys = set(re.findall(r"^([a-z]\w*):", text, re.M))
    assert keys <= {"name", "build", "samples", "tests", "boards", "security", "blobs"}


@pytest.mark.parametrize("app", ["demo", "console"])
def test_the_zephyr_sample_runs(app: str, tmp_path: Path) -> None:
    need("cmake", "make", "gcc")
    folder = tmp_path / "module"
    project(BOARD, "zephyr", folder, app=app)
    sample = folder / f"samples/{NAME}_{app}"
    if app == "console":
        # The stand-in's input never ends: start, then leave.
        main = sample / "src/main.c"
        main.write_text(main.read_text().replace("for (;;)", ""))
    printed = run(build_sample(sample, tmp_path / "build"))
    expected = "PASS: 2 of 2 outputs equal the reference" if app == "demo" else "m-ready"
    assert expected in printed


def build_sample(sample: Path, build: Path) -> Path:
    """The program of a sample of a module."""
    run(
        *("cmake", "-S", sample, "-B", build, f"-DZephyr_DIR={HOSTED / 'zephyr'}"),
        f"-DCMAKE_C_FLAGS={' '.join(WARNINGS)}",
    )
    run("cmake", "--build", build)
    return build / "app"


def test_prj_conf_may_set_only_what_there_is(tmp_path: Path) -> None:
    need("cmake", "make", "gcc")
    folder = tmp_path / "module"
    project(BOARD, "zephyr", folder)
    sample = folder / f"samples/{NAME}_demo"
    (folder / "zephyr/Kconfig").write_text("config OTHER\n")
    done = subprocess.run(
        ["cmake", "-S", sample, "-B", tmp_path / "build", f"-DZephyr_DIR={HOSTED / 'zephyr'}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "no Kconfig defines" in done.stderr
