"""Measure the int8 model and the detector on persons that are not in training.

Writes `metrics.json` and `samples.npz`. Needs numpy and edgegen, whose numpy reference runs the
model. Run in `firmware_examples`, with the FOLDER that `train.py` wrote:
``python -m gesture_detection.evaluate --work FOLDER``.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from common import model
from common.detector import Settings, detect
from gesture_detection import data, motion, watch

FOLDER = Path(__file__).parent
PARTS = 15
SAMPLES_PER_LABEL = 4
LATEST = 2.6 * motion.RATE
"""A report counts for a gesture up to so many samples after its end: a window and a little."""


def window_figures(run: watch.Model) -> dict[str, object]:
    """Single windows of the test split."""
    windows, labels = data.make(data.TEST)
    found = np.array([int(run(window[np.newaxis]).argmax()) for window in windows])
    return {
        "test_windows": int(labels.size),
        "test_persons": data.TEST.persons,
        "int8_accuracy": _share(found == labels),
        "accuracy_per_label": {
            name: _share(found[labels == label] == label)
            for label, name in enumerate(motion.LABELS)
        },
    }


def write_samples(run: watch.Model) -> None:
    """Some windows of the test split, with labels and the model's outputs."""
    windows, labels = data.make(data.TEST)
    rng = np.random.default_rng(data.SEED)
    drawn = [
        rng.choice(np.flatnonzero(labels == label), SAMPLES_PER_LABEL, replace=False)
        for label in range(len(motion.LABELS))
    ]
    chosen = np.sort(np.concatenate(drawn))
    inputs = windows[chosen]
    np.savez(
        FOLDER / "samples.npz",
        inputs=inputs,
        labels=labels[chosen].astype(np.int16),
        outputs=np.stack([run(window[np.newaxis]) for window in inputs]),
        label_names=np.array(motion.LABELS),
    )


def stream_figures(run: watch.Model, split: data.Split, settings: Settings) -> dict[str, object]:
    """Sessions of a minute: what the detector reports."""
    gestures = heard = wrong = false = seconds = 0
    for session in data.sessions(split, PARTS):
        gestures += len(session.gestures)
        seconds += session.seconds_without
        answered: set[int] = set()
        for found in detect(watch.outputs(session.samples, run), settings):
            at = watch.samples_at(found.run)
            meant = [
                (index, label)
                for index, (label, begin, end) in enumerate(session.gestures)
                if begin <= at <= end + LATEST
            ]
            if not meant:
                false += 1
            elif (match := meant[-1])[1] == found.label and match[0] not in answered:
                answered.add(match[0])
            else:
                wrong += 1
        heard += len(answered)
    return {
        "stream_gestures": gestures,
        "stream_gestures_detected": round(heard / gestures, 4),
        "stream_wrong_or_repeated": round(wrong / gestures, 4),
        "stream_false_per_minute_without_gesture": round(60 * false / seconds, 2),
    }


def _share(values: np.ndarray) -> float:
    return round(float(np.mean(values)), 4)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder written by train.py")
    options = parser.parse_args()
    blob = FOLDER / "gesture_detection.tflite"
    run = model.load(blob)
    scores = json.loads((options.work / "float_scores.json").read_text())
    metrics = {
        "model_bytes": blob.stat().st_size,
        "training_persons": data.TRAIN.persons,
        "float_accuracy": scores["test"],
        **window_figures(run),
        **stream_figures(run, data.TEST, watch.DETECTOR),
    }
    text = json.dumps(metrics, indent=2) + "\n"
    (FOLDER / "metrics.json").write_text(text)
    print(text, end="")
    write_samples(run)


if __name__ == "__main__":
    main()
