"""`edgegen quantize`, `compare`, and `build --calibration`, from outside."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from edgegen.cli import main
from edgegen.export.tflite import write
from edgegen.frontends import tflite
from tests.quantise.networks import samples, small_cnn

COUNT = 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A float model, samples of its input in several forms, and labels."""
    path = tmp_path_factory.mktemp("float")
    graph = small_cnn()
    (path / "net.tflite").write_bytes(write(graph))
    inputs = np.concatenate([s["in0"] for s in samples(graph, COUNT)])
    np.savez(path / "samples.npz", inputs=inputs, labels=np.zeros(COUNT, np.int64))
    np.save(path / "samples.npy", inputs)
    np.save(path / "labels.npy", np.arange(COUNT) % 5)
    np.savez(path / "integers.npz", inputs=np.round(inputs / 0.05).astype(np.int8))
    (path / "each").mkdir()
    for i, value in enumerate(inputs):
        np.save(path / "each" / f"{i:03d}.npy", value)
    return path


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def quantize(folder: Path, *arguments: object, samples: str = "samples.npz") -> Result:
    fast = ("--observer", "minmax", "--no-equalise")
    calibration = folder / samples
    return call("quantize", folder / "net.tflite", "--calibration", calibration, *fast, *arguments)


def test_quantize_writes_an_int8_model(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out.tflite"
    result = quantize(folder, "-o", out)
    assert result.exit_code == 0, result.output
    raw = tflite.read(out.read_bytes())
    kinds = {t.type.dtype.value for t in raw.tensors.values()}
    assert kinds == {"int8", "int32"}
    assert [p.name for p in out.parent.iterdir()] == ["out.tflite"]
    assert re.search(r"output SQNR \d\d\.\d dB", result.output)
    # Labels in the samples' file are used.
    assert "accuracy" in result.output
    assert "weights are zero" in result.output


@pytest.mark.parametrize("form", ["samples.npy", "each"])
def test_samples_may_be_a_file_or_a_folder(folder: Path, tmp_path: Path, form: str) -> None:
    reference, out = tmp_path / "npz.tflite", tmp_path / "other.tflite"
    assert quantize(folder, "-o", reference).exit_code == 0
    assert quantize(folder, "-o", out, samples=form).exit_code == 0
    assert out.read_bytes() == reference.read_bytes()


def test_integer_samples_need_their_meaning(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.tflite"
    result = quantize(folder, "-o", out, samples="integers.npz")
    assert result.exit_code == 1
    assert "--input-scale" in result.output
    assert not out.exists()
    result = quantize(folder, "-o", out, "--input-scale", "0.05", samples="integers.npz")
    assert result.exit_code == 0, result.output


def test_the_report_is_html_or_json(folder: Path, tmp_path: Path) -> None:
    pages = [tmp_path / "report.html", tmp_path / "report.json"]
    for page in pages:
        result = quantize(
            folder, "-o", tmp_path / "o.tflite", "--sensitivity", "--report", page,
            "--labels", folder / "labels.npy",
        )  # fmt: skip
        assert result.exit_code == 0, result.output
    html, report = pages[0].read_text(), json.loads(pages[1].read_text())
    assert html.startswith("<!DOCTYPE html>")
    # Self-contained: nothing is loaded from elsewhere.
    assert not re.search(r"(?:src|href)=|@import|url\(", html)
    rows = report["rows"]
    assert rows[0]["op"] == "input"
    for row in rows:
        assert row["tensor"] in html
        assert row["represented"][0] <= 0 <= row["represented"][1]
    assert sum(r["alone"] is not None for r in rows) >= 6
    hits = report["accuracy"][1] * COUNT
    assert hits == pytest.approx(round(hits))


def test_a_missed_target_is_an_error_and_writes_nothing(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.tflite"
    result = quantize(folder, "-o", out, "--target-sqnr", "90")
    assert result.exit_code == 1
    assert "below the 90 dB" in result.output
    assert not list(tmp_path.iterdir())


def test_labels_must_fit_the_samples(folder: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "few.npy", np.arange(3))
    result = quantize(folder, "-o", tmp_path / "o.tflite", "--labels", tmp_path / "few.npy")
    assert result.exit_code == 1
    assert "3 labels for 10 samples" in result.output


def test_a_folder_of_unlike_samples_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "odd").mkdir()
    for i, shape in enumerate([(8, 8, 3), (8, 9, 3)]):
        np.save(tmp_path / "odd" / f"{i}.npy", np.zeros(shape, np.float32))
    result = call("quantize", folder / "net.tflite", "--calibration", tmp_path / "odd")
    assert result.exit_code == 1
    assert "odd/1.npy holds other arrays than 0.npy" in result.output


def test_build_quantises_a_float_model_first(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "lib"
    arguments = ("build", folder / "net.tflite", "--board", "nrf52840", "-o", out)
    refused = call(*arguments)
    assert refused.exit_code == 1
    assert "edgegen quantize" in refused.output
    result = call(*arguments, "--calibration", folder / "samples.npz")
    assert result.exit_code == 0, result.output
    assert "quantised to int8: output SQNR" in result.output
    report = json.loads((out / "report.json").read_text())
    assert report["inputs"][0]["dtype"] == "int8"


def test_compare_shows_the_worst_first(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.tflite"
    quantize(folder, "-o", out)
    result = call("compare", folder / "net.tflite", out, "--inputs", folder / "samples.npz")
    assert result.exit_code == 0, result.output
    rows = re.findall(r"^ (?:op|input) .*?(\d+\.\d)", result.output, re.MULTILINE)
    values = [float(v) for v in rows]
    assert len(values) >= 8
    assert values == sorted(values)
    assert "same class as float on" in result.output


def test_layers_on_int16(folder: Path, tmp_path: Path) -> None:
    out, report = tmp_path / "net.tflite", tmp_path / "net.json"
    result = quantize(folder, "--int16", "0, t2", "--int16", "t9", "-o", out, "--report", report)
    assert result.exit_code == 0, result.output
    kinds = {t.name: t.type.dtype.value for t in tflite.read(out.read_bytes()).tensors.values()}
    assert [kinds[n] for n in ("in0", "t0", "t1", "t2", "t9")] == [
        "int16", "int16", "int8", "int16", "int16",
    ]  # fmt: skip
    assert "3 operators on int16" in result.output
    found = json.loads(report.read_text())
    assert {r["tensor"] for r in found["rows"] if r["dtype"] == "int16"} == {
        "in0", "t0", "t2", "t9",
    }  # fmt: skip
    assert found["mixed"]["sqnr"] < found["sqnr"]
    assert found["mixed"]["without"]["cycles"] < found["mixed"]["taken"]["cycles"]
    built = call("build", out, "--board", "nrf52840", "-o", tmp_path / "lib")
    assert built.exit_code == 0, built.output
    header = (tmp_path / "lib" / "net.h").read_text()
    assert "int16_t *net_input(net_arena_t *arena);" in header
    assert "const int8_t *net_output(" in header


def test_layers_that_cannot_be_on_int16(folder: Path, tmp_path: Path) -> None:
    result = quantize(folder, "--int16", "nothing*", "-o", tmp_path / "net.tflite")
    assert result.exit_code != 0
    assert "no operator is called 'nothing*'" in result.output
    assert not (tmp_path / "net.tflite").exists()


def test_a_target_that_int8_misses(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.tflite"
    result = quantize(folder, "--target-sqnr", "54", "-o", out, "--report", tmp_path / "net.html")
    assert result.exit_code == 0, result.output
    assert re.search(r"kept .*: int16 \(\d\d\.\d dB\)", " ".join(result.output.split()))
    assert "int16" in {t.type.dtype.value for t in tflite.read(out.read_bytes()).tensors.values()}
    assert "operators on int16" in (tmp_path / "net.html").read_text()
