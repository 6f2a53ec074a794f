"""The firmware's console: what it answers to commands, as a program of this computer."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import numpy as np
import pytest

from edgegen.firmware.app import render_app
from edgegen.pipeline import Compilation, Options, compile_model
from edgegen.target.board import load_board
from edgegen.verify.reference import evaluate, ramp
from tests.support import host_console
from tests.support.models import DEMO_MODEL
from tests.support.small import small_case

BOARD = load_board("nrf52840dk")


def compiled(blob: bytes, **options: object) -> Compilation:
    return compile_model(blob, "net", BOARD.core, Options(**options))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def small() -> Compilation:
    return compiled(small_case().model_bytes())


@pytest.fixture(scope="module")
def program(small: Compilation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return host_console.build(small.package, tmp_path_factory.mktemp("console"))


def lines(program: Path, commands: str) -> list[str]:
    """The answers without what is said at the start and without the m-ready of each."""
    text = host_console.answer(program, commands)
    assert text.count("m-ready\r\n") == 1 + commands.count("%")
    found = text.split("\r\n")
    return [x for x in found[found.index("m-ready") + 1 :] if x not in ("m-ready", "")]


def test_it_says_what_it_is_and_when_it_is_ready(program: Path) -> None:
    text = host_console.answer(program, "")
    first, mode, lap, done, ready = text.strip("\r\n").split("\r\n")
    assert first.endswith(f": net on {host_console.BOARD}")
    assert (mode, done, ready) == ("m-timestamp-mode-performance", "m-init-done", "m-ready")
    assert re.fullmatch(r"m-lap-us-\d+", lap)


def test_loaded_bytes_come_back(program: Path) -> None:
    got = lines(program, "db load 10%db 00010203040506%db fFFeFd%db print%db print 3 1%crc%")
    crc = zlib.crc32(bytes([0, 1, 2, 3, 4, 5, 6, 255, 254, 253]))
    assert got == [
        "m-[Expecting 10 bytes]",
        "m-load-done",
        "m-buffer-00-01-02-03-04-05-06-ff",
        "m-buffer-fe-fd",
        "m-buffer-01-02-03",
        f"m-crc-[{crc:08x}]",
    ]


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("nonsense 1", "Unknown command: nonsense"),
        ("db", "db needs load, print or bytes"),
        ("db load", "db load needs a number of bytes, not "),
        ("db load 0", "db load needs a number of bytes, not 0"),
        ("db load -3", "db load needs a number of bytes, not -3"),
        ("db load 99999999", "more bytes than the buffer has: 99999999"),
        ("db load 99999999999999999999", "db load needs a number of bytes, not 9" + "9" * 19),
        ("db 123", "odd number of hexadecimal digits"),
        ("db 12x4", "not hexadecimal: x4"),
        ("db print x", "db print needs numbers"),
        ("infer 0", "infer needs a number of inferences, and of warm-ups"),
        ("infer 1 -1", "infer needs a number of inferences, and of warm-ups"),
        ("a b c d e", "too many words"),
        ("a" * 257, "the line is too long"),
        ("a" * 5000, "the line is too long"),
    ],
)
def test_what_it_does_not_understand_it_says(program: Path, command: str, error: str) -> None:
    assert lines(program, f"{command}%crc%") == [f"e-[{error}]", "m-crc-[00000000]"]


def test_more_bytes_than_announced_go_nowhere(small: Compilation, tmp_path: Path) -> None:
    """Under sanitizers: neither lines nor bytes leave their buffers."""
    program = host_console.build(
        small.package,
        tmp_path,
        flags=("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
    )
    size = small.source.tensor(small.source.inputs[0]).type.bytes
    commands = "db 00%" + f"db load {size}%" + ("db " + "5a" * 100 + "%") * (size // 100 + 3)
    commands += (
        f"db print 7 {size - 4}%db print 5 {size + 9}%" + "x" * 700 + "%  %infer 2 1%output%"
    )
    assert lines(program, commands).count("m-load-done") == 1


def upload(values: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> str:
    raw = values.tobytes()
    parts = [raw[i : i + 100].hex() for i in range(0, len(raw), 100)]
    return f"db load {len(raw)}%" + "".join(f"db {part}%" for part in parts)


def test_outputs_equal_the_reference(small: Compilation, program: Path) -> None:
    graph = small.source
    (name,), (out,) = graph.inputs, graph.outputs
    value = ramp(graph.tensor(name).type, 77)
    expected = evaluate(graph, {name: value})[out]
    # The inference overwrites its input: the third one still starts from what was loaded.
    got = lines(program, upload(value) + "infer 2 1%output%")
    raw = bytes.fromhex("".join(x.split("-")[3] for x in got if re.match("m-output-0-", x)))
    assert raw == expected.tobytes()
    assert got[-1] == f"m-output-crc-[{zlib.crc32(raw):08x}]"
    (line,) = (x for x in got if x.startswith("m-results-"))
    kind = graph.tensor(out).type
    real = (expected.astype(np.float64) - kind.zero_point) * kind.scale
    printed = np.array([float(x) for x in line[11:-1].split(",")])
    assert np.abs(printed - real.ravel()).max() <= 0.0005 + 1e-9


def test_a_terminal_may_end_lines_its_own_way(program: Path) -> None:
    text = host_console.answer(program, "\r\nname\r\nname%\nname\n")
    assert text.count("m-name-dut-[Host board]\r\nm-ready\r\n") == 3
    assert text.count("m-ready") == 4


def test_the_self_test_names_the_first_wrong_layer(tmp_path: Path) -> None:
    made = compiled(DEMO_MODEL.read_bytes())

    def damage(files: dict[str, str]) -> None:
        text = files["net_weights.c"]
        at = text.index("/* layer 4")
        number = re.compile(r"0x([0-9a-f])")
        found = number.search(text, at)
        assert found
        other = "0x" + ("1" if found[1] == "0" else "0")
        files["net_weights.c"] = text[: found.start()] + other + text[found.end() :]

    good = lines(host_console.build(made.package, tmp_path / "good"), "selftest%")
    bad = lines(host_console.build(made.package, tmp_path / "bad", change=damage), "selftest%")
    pattern = re.compile(r"m-layer +(\d+) (\S+) +crc ([0-9a-f]{8}) (ok|wrong) +\d+ cycles")
    marks = [[m[4] for m in map(pattern.fullmatch, got) if m] for got in (good, bad)]
    count = len(made.program.calls)
    assert marks[0] == ["ok"] * count
    assert marks[1][:5] == ["ok"] * 4 + ["wrong"]
    assert good[-1] == "m-selftest-[PASS]"
    kind = made.program.calls[4].op.origin.type
    assert bad[-2:] == [f"m-selftest-first-wrong-4-[{kind}]", "m-selftest-[FAIL]"]


def test_time_goes_on_when_the_core_s_count_wraps(small: Compilation, tmp_path: Path) -> None:
    """The count moves on by 13 s of a 100 MHz clock at each look; it wraps after 43 s."""
    step = 1_300_000_000

    def change(files: dict[str, str]) -> None:
        text = files["host_board.c"]
        start = text.index("{", text.index("uint32_t board_cycles(void)"))
        end = text.index("\n}", start)
        body = f"{{\n    static uint32_t count;\n\n    return count += {step}u;"
        files["host_board.c"] = text[:start] + body + text[end:]

    program = host_console.build(small.package, tmp_path, change=change)
    laps = re.findall(r"m-lap-us-(\d+)", host_console.answer(program, "timestamp%" * 12))
    looks = [int(lap) * 100 / step for lap in laps]
    assert looks == [round(x) for x in looks]
    assert looks == sorted(set(looks))
    assert looks[-1] >= 12


def test_odd_titles_of_boards_do_no_harm(small: Compilation) -> None:
    files = render_app(small.package, board='Carte "Élan" 5 % \\ ??/')
    text = files["console.c"]
    assert text.isascii()
    assert "m-name-dut-[Carte lan 5  " in text
    assert " net on Carte lan 5  " in text
