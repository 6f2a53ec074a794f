"""The firmware examples: what is committed is what the scripts make, and the firmware says it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgegen.pipeline import load_model, read_graph
from tests.firmware.examples import (
    COMMON,
    EXAMPLES,
    FOLDER,
    ROOT,
    STRICT,
    build,
    compile_host,
    console_text,
    emulate,
    firmware,
    library,
    model,
    module,
    on_board,
    until_end,
)
from tests.firmware.kit import needs_gcc
from tests.firmware.test_hosted import build_sample, build_sketch, need
from tests.firmware.test_platformio import needs_platformio, wrong
from tests.support.platformio import pio

FULL = bool(os.environ.get("EDGEGEN_FULL"))
PLACES = (
    ("nrf52840dk", "unicorn"),
    ("nucleo_l4r5zi", "unicorn"),
    ("stm32f4discovery", "unicorn"),
    ("stm32f4discovery", "qemu"),
    ("nucleo_h743zi", "unicorn"),
    ("rp2040", "unicorn"),
    ("rp2040", "rp2040js"),
    ("mps2_an385", "qemu"),
    ("qemu_rv32", "qemu"),
)
SAMPLED = (
    ("keyword_spotting", "nrf52840dk", "unicorn"),
    ("gesture_detection", "rp2040", "rp2040js"),
    ("vibration_anomaly", "stm32f4discovery", "qemu"),
)
RUNS = [(e, *place) for e in EXAMPLES for place in PLACES] if FULL else SAMPLED


@pytest.mark.parametrize(
    ("table", "maker"),
    [
        ("common/dsp_tables.h", "common.make_tables"),
        ("keyword_spotting/firmware/front_end_tables.h", "keyword_spotting.make_tables"),
        ("vibration_anomaly/firmware/front_end_tables.h", "vibration_anomaly.make_tables"),
    ],
)
def test_tables_are_those_of_the_definitions(table: str, maker: str) -> None:
    assert (FOLDER / table).read_text() == module(maker).text()


def test_words_are_those_that_were_spoken() -> None:
    maker = module("keyword_spotting.make_recordings")
    recordings = maker.load()
    committed = (firmware("keyword_spotting") / "recordings.c").read_text()
    assert maker.c_file(recordings) == committed
    assert maker.console(recordings) == console_text("keyword_spotting")
    espeak = shutil.which("espeak-ng")
    if espeak is None:
        pytest.skip("espeak-ng is not installed: the words are not spoken anew")
    version = subprocess.run([espeak, "--version"], capture_output=True, text=True, check=True)
    if " 1.51 " not in version.stdout:
        pytest.skip("espeak-ng is not version 1.51, which spoke the words")
    for old, new in zip(recordings, maker.speak(), strict=True):
        assert (old.word, old.start) == (new.word, new.start)
        assert np.array_equal(old.codes, new.codes)


@pytest.mark.parametrize(
    ("example", "loop", "labels"),
    [
        ("keyword_spotting", "listen", "corpus"),
        ("gesture_detection", "watch", "motion"),
    ],
)
def test_main_has_the_settings_of_its_definition(example: str, loop: str, labels: str) -> None:
    main = (firmware(example) / "main.c").read_text()
    names = re.search(r"labels\[LABELS\] = \{(.*?)\}", main, re.S)
    assert names is not None
    listed = re.findall(r'"(\w+)"', names[1])
    assert listed == list(module(f"{example}.{labels}").LABELS)
    assert f"#define LABELS {len(listed)}\n" in main
    definition = module(f"{example}.{loop}")
    assert f"#define ROWS_BETWEEN_RUNS {definition.ROWS_BETWEEN_RUNS}\n" in main
    fields = dict(re.findall(r"\.(first|runs|threshold|pause) = (\d+),", main))
    settings = definition.DETECTOR
    assert {key: int(value) for key, value in fields.items()} == {
        key: getattr(settings, key) for key in ("first", "runs", "threshold", "pause")
    }


def test_mu_law_takes_the_nearest_value() -> None:
    maker = module("keyword_spotting.make_recordings")
    samples = np.arange(-32768, 32768, 7).astype(np.int16)
    values = maker.expand(np.arange(256, dtype=np.uint8)).astype(np.int64)
    # The codes of G.711's table 2a: the largest value, the smallest, and both zeros.
    assert values[[0x00, 0x7E, 0x7F, 0xFF, 0x80]].tolist() == [-32124, -8, 0, 0, 32124]
    chosen = maker.expand(maker.compress(samples)).astype(np.int64)
    nearest = np.abs(values[:, np.newaxis] - samples).min(axis=0)
    assert np.array_equal(np.abs(chosen - samples), nearest)


@pytest.mark.parametrize("example", ["gesture_detection", "vibration_anomaly"])
def test_recordings_are_those_of_the_script(example: str) -> None:
    maker = module(f"{example}.make_recordings")
    samples = maker.record()
    with np.load(FOLDER / example / "recordings.npz") as stored:
        assert np.array_equal(stored["samples"], samples)
    assert (firmware(example) / "recordings.c").read_text() == maker.c_file(samples)
    assert maker.console(samples) == console_text(example)


def test_what_was_recorded_is_what_is_said() -> None:
    words = [r.word for r in module("keyword_spotting.make_recordings").load()]
    keywords = module("keyword_spotting.corpus").KEYWORDS
    expected = [word for word in words if word in keywords]
    assert _said("keyword_spotting", "word: ") == expected
    assert expected != words
    parts = module("gesture_detection.make_recordings").PARTS
    moved = [label for label, _ in parts if label != "none"]
    assert _said("gesture_detection", "gesture: ") == moved
    windows = module("vibration_anomaly.make_recordings").WINDOWS
    states = ["normal" if fault is None else "ANOMALY" for *_, fault in windows]
    assert _said("vibration_anomaly", "vibration: ") == states


def _said(example: str, prefix: str) -> list[str]:
    lines = console_text(example).splitlines()
    return [line.removeprefix(prefix).split(" ")[0] for line in lines if line.startswith(prefix)]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_model_takes_what_the_features_give(example: str) -> None:
    name = "features_fixed" if example == "keyword_spotting" else "features"
    features = module(f"{example}.{name}")
    graph = read_graph(load_model(model(example)), example)
    taken = graph.tensors[graph.inputs[0]].type
    assert taken.scale == pytest.approx(features.INPUT_SCALE, rel=1e-6)
    assert taken.zero_point == features.INPUT_ZERO_POINT
    if example != "vibration_anomaly":
        given = graph.tensors[graph.outputs[0]].type
        assert (given.scale, given.zero_point) == (1 / 256, -128)


@pytest.mark.parametrize("example", EXAMPLES)
def test_figures_are_of_this_model(example: str) -> None:
    metrics = json.loads((FOLDER / example / "metrics.json").read_text())
    assert metrics["model_bytes"] == model(example).stat().st_size
    if example == "vibration_anomaly":
        header = (firmware(example) / "threshold.h").read_text()
        assert module(f"{example}.evaluate").header(metrics["threshold"]) == header


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_readme_says_what_was_measured(example: str) -> None:
    text = (FOLDER / example / "README.md").read_text()
    said = {line.strip() for line in text.splitlines()}
    assert said >= set(console_text(example).splitlines())
    overview = (FOLDER / "README.md").read_text()
    assert any(f"`{line}`" in overview for line in console_text(example).splitlines())
    metrics = json.loads((FOLDER / example / "metrics.json").read_text())
    assert f"{metrics['model_bytes']:,} bytes" in text
    if example == "gesture_detection":
        shares = ["float_accuracy", "int8_accuracy", "stream_gestures_detected"]
        for share in (*shares, "stream_wrong_or_repeated"):
            assert f"{100 * metrics[share]:.1f} %" in text
        assert f"| {metrics['stream_false_per_minute_without_gesture']} |" in text
    elif example == "vibration_anomaly":
        assert f"{100 * metrics['false_alarms']:.2f} % of 3,000" in text
        for by_severity in metrics["faults_by_severity"].values():
            cells = [
                f"{100 * one['detected']:.1f} % ({one['area_under_curve']:.3f})"
                for one in by_severity.values()
            ]
            assert " | ".join(cells).replace("100.0 %", "100 %") in text
    else:
        fixed = json.loads((FOLDER / example / "metrics_fixed.json").read_text())
        assert fixed["accuracy_float_features"] == metrics["int8_accuracy"]
        assert fixed["largest_feature_difference"] == 1
        for key in (
            "accuracy_fixed_features",
            "same_decision",
            "features_that_differ",
            "stream_keywords_heard",
            "stream_false_per_clip_without_keyword",
        ):
            assert f"{100 * fixed[key]:.1f} %" in text


def test_figures_of_the_vibration_monitor() -> None:
    data, evaluate = module("vibration_anomaly.data"), module("vibration_anomaly.evaluate")
    metrics = json.loads((FOLDER / "vibration_anomaly" / "metrics.json").read_text())
    scorer = module("vibration_anomaly.score").Scorer()
    count = data.TEST.windows if FULL else 150
    windows = data.healthy(data.Split("test", data.TEST.stream, count))
    alarms = np.mean(evaluate.scores(scorer, windows) > metrics["threshold"])
    if FULL:
        assert alarms == pytest.approx(metrics["false_alarms"], abs=1e-4)
    assert alarms <= 0.01
    for fault, severity, faulty in data.faulty():
        wanted = metrics["faults_by_severity"][fault][str(severity)]["detected"]
        found = np.mean(evaluate.scores(scorer, faulty) > metrics["threshold"])
        assert found == pytest.approx(wanted, abs=1e-4)
        if not FULL:
            break


def test_figures_of_the_gesture_detector() -> None:
    if not FULL:
        pytest.skip("takes 15 s: EDGEGEN_FULL=1")
    evaluate, data = module("gesture_detection.evaluate"), module("gesture_detection.data")
    metrics = json.loads((FOLDER / "gesture_detection" / "metrics.json").read_text())
    run = module("common.model").load(model("gesture_detection"))
    settings = module("gesture_detection.watch").DETECTOR
    found = evaluate.window_figures(run) | evaluate.stream_figures(run, data.TEST, settings)
    assert found.items() <= metrics.items()


@pytest.mark.parametrize("example", EXAMPLES)
def test_firmware_on_the_host(example: str, tmp_path: Path) -> None:
    support = ROOT / "tests" / "support"
    sources = [*COMMON.glob("*.c"), *firmware(example).glob("*.c"), *library(example, tmp_path)]
    program = compile_host(
        [*sources, support / "host_board.c"],
        [COMMON, firmware(example), support, tmp_path],
        tmp_path / "app",
    )
    assert until_end(program) == console_text(example)


@pytest.mark.parametrize("example", EXAMPLES)
def test_clang_finds_nothing_to_say(example: str, tmp_path: Path) -> None:
    need("clang")
    library(example, tmp_path)
    words = ["clang", *STRICT, "-fsyntax-only", f"-I{ROOT / 'tests' / 'support'}"]
    words += [f"-I{folder}" for folder in (COMMON, firmware(example), tmp_path)]
    sources = [*COMMON.glob("*.c"), *firmware(example).glob("*.c")]
    done = subprocess.run([*words, *sources], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@needs_gcc
@pytest.mark.parametrize(("example", "board_name", "emulator"), RUNS)
def test_firmware_in_an_emulator(
    example: str, board_name: str, emulator: str, tmp_path: Path
) -> None:
    board = on_board(board_name, emulator)
    image = build(example, board, emulator, tmp_path / "project")
    assert emulate(image, board, emulator) == console_text(example)
    if emulator == "rp2040js":
        assert image.uf2 is not None


@pytest.mark.parametrize("example", EXAMPLES if FULL else EXAMPLES[1:2])
def test_it_is_a_sketch(example: str, tmp_path: Path) -> None:
    need("gcc", "g++", "stdbuf")
    module("make_projects").write(example, "arduino", tmp_path / "made", ("nrf52840dk",))
    program = build_sketch(tmp_path / "made", f"{example}_own", tmp_path)
    assert until_end(program, buffers=True) == console_text(example)


@pytest.mark.parametrize("example", EXAMPLES if FULL else EXAMPLES[1:2])
def test_it_is_a_sample_of_zephyrs(example: str, tmp_path: Path) -> None:
    need("cmake", "make", "gcc", "stdbuf")
    module("make_projects").write(example, "zephyr", tmp_path / "made", ("nrf52840dk",))
    program = build_sample(tmp_path / f"made/samples/{example}_own", tmp_path / "build")
    assert until_end(program, buffers=True) == console_text(example)


@needs_gcc
@needs_platformio
@pytest.mark.skipif(not FULL, reason="takes a minute: EDGEGEN_FULL=1")
@pytest.mark.parametrize("example", EXAMPLES)
def test_platformio_builds_it_for_all_its_boards(example: str, core: Path, tmp_path: Path) -> None:
    module("make_projects").write(example, "platformio", tmp_path / "project")
    done = pio(core, ["run"], tmp_path / "project", "-Werror")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not wrong(done.stdout + done.stderr)
    for board in module("make_projects").BOARDS:
        assert (tmp_path / "project/.pio/build" / board / "firmware.elf").is_file()
