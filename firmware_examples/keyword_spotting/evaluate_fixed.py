"""Measure the firmware's path, fixed-point features and detector, on the held-out voices.

Writes ``metrics_fixed.json``. Needs espeak-ng, numpy and edgegen, whose numpy reference runs the
model: no training tools. Run in `firmware_examples`: ``python -m keyword_spotting.evaluate_fixed``.
"""

import argparse
import json
import multiprocessing
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from common import model
from common.detector import detect
from keyword_spotting import features, features_fixed, listen, make_data
from keyword_spotting.corpus import TEST, UNKNOWN

FOLDER = Path(__file__).parent
CHOSEN_ON = 500
"""So many clips, in the order of the stream, served to choose the detector's parameters."""
EARLY_HOPS = 45
"""The report of a clip's word comes at the earliest so many hops after the clip's begin."""

Sounds = npt.NDArray[np.int16]
Model = Callable[[npt.NDArray[np.int8]], npt.NDArray[np.int8]]


def _clips(source: make_data.Utterance) -> list[tuple[Sounds, int]]:
    return [(sound, source.label) for sound, _ in make_data.make_sounds(source)]


def held_out(processes: int) -> tuple[Sounds, npt.NDArray[np.int64]]:
    """All clips of the test split: sound, [clips, 16000], and labels."""
    with multiprocessing.Pool(processes) as pool:
        groups = pool.imap(_clips, make_data.plan(TEST), chunksize=32)
        clips = [clip for group in groups for clip in group]
    return np.stack([sound for sound, _ in clips]), np.array([label for _, label in clips])


def float_window(clip: Sounds) -> npt.NDArray[np.int8]:
    """The model's input from the float features."""
    scale, zero_point = features_fixed.INPUT_SCALE, features_fixed.INPUT_ZERO_POINT
    quantised = np.clip(np.rint(features.mfcc(clip) / np.float32(scale)) + zero_point, -128, 127)
    return quantised.astype(np.int8).reshape(1, features.FRAMES, features.COEFFICIENTS, 1)


def clip_figures(run: Model, sounds: Sounds, labels: npt.NDArray[np.int64]) -> dict[str, float]:
    """Single clips: accuracy with both front ends, and how they differ."""
    windows = [(features_fixed.window(clip), float_window(clip)) for clip in sounds]
    fixed = np.array([int(run(a).argmax()) for a, _ in windows])
    real = np.array([int(run(b).argmax()) for _, b in windows])
    distance = np.array([a.astype(np.int64) - b for a, b in windows])
    return {
        "clips": labels.size,
        "accuracy_fixed_features": _share(fixed == labels),
        "accuracy_float_features": _share(real == labels),
        "same_decision": _share(fixed == real),
        "features_that_differ": _share(distance != 0),
        "largest_feature_difference": int(np.abs(distance).max()),
    }


def stream_figures(run: Model, sounds: Sounds, labels: npt.NDArray[np.int64]) -> dict[str, float]:
    """A long sound, one clip a second: what the detector reports."""
    order = np.random.default_rng(1).permutation(labels.size)[CHOSEN_ON:]
    said = labels[order]
    heard, wrong, false = np.zeros(said.size, np.bool_), 0, 0
    for found in detect(listen.outputs(sounds[order].reshape(-1), run), listen.DETECTOR):
        clip = min(max((found.run * listen.ROWS_BETWEEN_RUNS - EARLY_HOPS) // 50, 0), said.size - 1)
        if said[clip] == found.label and not heard[clip]:
            heard[clip] = True
        elif said[clip] > UNKNOWN:
            wrong += 1
        else:
            false += 1
    keywords = int(np.count_nonzero(said > UNKNOWN))
    return {
        "stream_seconds": said.size,
        "stream_keywords": keywords,
        "stream_keywords_heard": round(float(np.sum(heard)) / keywords, 4),
        "stream_wrong_or_repeated": round(wrong / keywords, 4),
        "stream_false_per_clip_without_keyword": round(false / (said.size - keywords), 4),
    }


def _share(values: npt.NDArray[np.bool_]) -> float:
    return round(float(np.mean(values)), 4)


def main() -> None:
    """Make the clips, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    sounds, labels = held_out(options.processes)
    run = model.load(FOLDER / "keyword_spotting.tflite")
    metrics = clip_figures(run, sounds, labels) | stream_figures(run, sounds, labels)
    text = json.dumps(metrics, indent=2) + "\n"
    (FOLDER / "metrics_fixed.json").write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
