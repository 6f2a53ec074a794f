"""The examples' fixed-point C: the same bytes as its Python, and near to the textbook's floats."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.firmware.examples import (
    COMMON,
    HARNESS,
    compile_host,
    extremes,
    firmware,
    library,
    module,
    noise,
    pipe,
)

DSP = COMMON / "dsp.c"
SECOND = 16_000


@pytest.fixture(scope="module")
def dsp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("dsp") / "dsp"
    return compile_host([HARNESS / "dsp.c", DSP], [COMMON], program)


def test_products(dsp: Path) -> None:
    rng = np.random.default_rng(1)
    a = np.concatenate([rng.integers(-(2**30), 2**30, 2000), [0, 1, -1, 2**30 - 1, 1 - 2**30]])
    w = np.concatenate([rng.integers(-32768, 32769, 2000), [-32768, 32768, 32768, -32768, 32768]])
    ours = np.frombuffer(pipe(dsp, np.stack([a, w], 1).astype("<i4").tobytes(), "mul"), "<i4")
    exact = [(int(x) * int(y) + 2**14) // 2**15 for x, y in zip(a, w, strict=True)]
    assert ours.tolist() == exact
    assert module("common.fixed").mul_q15(a, w).tolist() == exact


def test_logarithms(dsp: Path) -> None:
    rng = np.random.default_rng(2)
    powers = 2 ** np.arange(63, dtype=np.int64)
    some = (2.0 ** rng.uniform(0, 62.9, 3000)).astype(np.int64)
    x = np.concatenate([powers, powers[2:] - 1, some, [2**63 - 1]])
    ours = np.frombuffer(pipe(dsp, x.astype("<u8").tobytes(), "log2"), "<i4")
    assert np.array_equal(ours, module("common.fixed").log2_q16(x))
    assert np.array_equal(ours[:63], np.arange(63) << 16)
    assert np.abs(ours / 65536 - np.log2(x.astype(np.float64))).max() < 3e-5


@pytest.mark.parametrize("size", [4, 8, 256, 512, 1024])
def test_transforms(size: int, dsp: Path) -> None:
    loud = (2**30 - 1) // size
    rng = np.random.default_rng(size)
    x = np.concatenate(
        [
            rng.integers(-loud, loud + 1, (20, size)),
            np.full((1, size), loud),
            np.where(np.arange(size) % 2, loud, -loud)[np.newaxis],
            np.eye(1, size, 1, dtype=np.int64) * (2**30 - 1),
        ]
    )
    flat = np.frombuffer(pipe(dsp, x.astype("<i4").tobytes(), "fft", str(size)), "<i4")
    ours = flat.reshape(len(x), size // 2, 2)
    re, im = module("common.fixed").rfft(x)
    assert np.array_equal(ours[..., 0], re)
    assert np.array_equal(ours[..., 1], im)
    exact = np.fft.rfft(x)[:, : size // 2]
    error = np.abs(re + 1j * im - exact)
    # Twiddle factors have 15 bits; each stage adds a rounding.
    assert (error < 1e-4 * np.abs(exact).max(axis=1, keepdims=True) + 40).all()


@pytest.fixture(scope="module", params=["gcc", "clang"])
def front_ends(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("features")
    return {
        example: compile_host(
            [HARNESS / f"{example}.c", firmware(example) / "front_end.c", DSP],
            [COMMON, firmware(example)],
            folder / example,
            request.param,
        )
        for example in ("keyword_spotting", "gesture_detection", "vibration_anomaly")
    }


def _sounds() -> list[npt.NDArray[np.int16]]:
    recordings = module("keyword_spotting.make_recordings")
    said = recordings.sound(recordings.load())
    return [said, noise(3, SECOND, 3.0), noise(4, SECOND, 9000.0)]


def test_rows_of_sound(front_ends: dict[str, Path]) -> None:
    fixed, real = module("keyword_spotting.features_fixed"), module("keyword_spotting.features")
    for sound in (*_sounds(), extremes(SECOND // 4)):
        ours = np.frombuffer(pipe(front_ends["keyword_spotting"], sound.tobytes()), np.int8)
        assert np.array_equal(ours.reshape(-1, 10), fixed.rows(sound))
    # The extremes have bands without energy, where what is left is the rounding of others.
    for sound in _sounds():
        clip = sound[:SECOND]
        exact = np.rint(real.mfcc(clip) / np.float32(fixed.INPUT_SCALE)) + fixed.INPUT_ZERO_POINT
        away = np.abs(fixed.rows(clip) - np.clip(exact, -128, 127))
        assert away.max() <= 1
        assert np.mean(away > 0) < 0.05


def test_windows_of_motion(front_ends: dict[str, Path]) -> None:
    features = module("gesture_detection.features")
    recorded = module("gesture_detection.make_recordings").record()
    others = [noise(5, 1500, 6000.0).reshape(-1, 3), extremes(300).reshape(-1, 3)]
    for samples in (recorded, *others):
        ours = np.frombuffer(pipe(front_ends["gesture_detection"], samples.tobytes()), np.int8)
        rows = features.rows(samples)
        ends = range(features.ROWS, len(rows) + 1)
        windows = np.stack([rows[end - features.ROWS : end] for end in ends])
        assert np.array_equal(ours.reshape(len(windows), 1, 64, 3), features.window(windows))
        averaged = samples[: len(rows) * 4].reshape(-1, 4, 3).mean(axis=1)
        exact = averaged[: features.ROWS] - averaged[: features.ROWS].mean(axis=0)
        away = features.window(rows[: features.ROWS])[0] - np.clip(exact / 64, -128, 127)
        assert np.abs(away).max() <= 0.52


def test_levels_of_vibration(front_ends: dict[str, Path]) -> None:
    features = module("vibration_anomaly.features")
    recorded = module("vibration_anomaly.make_recordings").record()
    others = [noise(6, 8192, 2.0), noise(7, 8192, 20000.0), extremes(4096)]
    for samples in (recorded, *others):
        windows = samples.reshape(-1, 4096)
        ours = np.frombuffer(pipe(front_ends["vibration_anomaly"], samples.tobytes()), np.int8)
        assert np.array_equal(ours.reshape(-1, 48), features.window(windows))
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(1024) + 0.5) / 1024)
    power = np.abs(np.fft.rfft(recorded.reshape(-1, 4, 1024) * hann)) ** 2
    edges = features.band_edges()
    bands = np.stack([power[..., a:b].mean(axis=(1, 2)) for a, b in pairwise(edges)], 1)
    # Samples are 32 times as large in the C, powers 2**14 times smaller.
    exact = 8 * (np.log2(bands * 2.0 ** (10 - 14)) - features.REFERENCE / 65536)
    away = features.window(recorded.reshape(-1, 4096)) - np.clip(exact, -128, 127)
    assert np.abs(away).max() < 0.6


def test_scores(tmp_path: Path) -> None:
    sources = [HARNESS / "score.c", firmware("vibration_anomaly") / "score.c"]
    library("vibration_anomaly", tmp_path)
    program = compile_host(sources, [firmware("vibration_anomaly"), tmp_path], tmp_path / "score")
    pairs = np.random.default_rng(8).integers(-128, 128, (200, 2, 48)).astype(np.int8)
    pairs[0] = [[-128] * 48, [127] * 48]
    ours = np.frombuffer(pipe(program, pairs.tobytes()), "<u8")
    scorer = module("vibration_anomaly.score").Scorer()
    assert ours.tolist() == [scorer.between(a, b) for a, b in pairs]


@pytest.mark.parametrize("runs", [1, 2, 3, 4])
def test_detections(runs: int, tmp_path: Path) -> None:
    program = compile_host(
        [HARNESS / "detector.c", COMMON / "detector.c"], [COMMON], tmp_path / "detector"
    )
    detector = module("common.detector")
    rng = np.random.default_rng(runs)
    # Probabilities that stay for a while, so that something is detected now and then.
    loud = np.repeat(rng.integers(0, 5, 80), 5)
    answers = rng.integers(-128, -90, (400, 5))
    answers[np.arange(400), loud] = rng.integers(20, 128, 400)
    settings = detector.Settings(first=1, runs=runs, threshold=200 * runs, pause=3)
    head = np.array([5, settings.first, runs, settings.threshold, settings.pause], "<i4")
    raw = pipe(program, head.tobytes() + answers.astype(np.int8).tobytes())
    said = np.frombuffer(raw, "<i4").reshape(-1, 2)
    ours = [(int(label), int(p), i + 1) for i, (label, p) in enumerate(said) if label >= 0]
    found = list(detector.detect(answers.astype(np.int8), settings))
    assert ours == [(f.label, f.percent, f.run) for f in found]
    assert len(found) > 10
