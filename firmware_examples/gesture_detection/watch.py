"""Acceleration in, gestures out: the definition of `firmware/main.c`."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from common.detector import Settings, detect
from gesture_detection import features, motion

DETECTOR = Settings(first=1, runs=3, threshold=614, pause=5)
"""Chosen on sessions of the validation persons."""
ROWS_BETWEEN_RUNS = 8

Int8s = npt.NDArray[np.int8]
Model = Callable[[Int8s], Int8s]
"""From a window, [1, 1, 64, 3], to probabilities, [5]."""


def samples_at(run: int) -> int:
    """How many samples there have been at a run of the model, from 1 at the first full window."""
    return (features.ROWS + (run - 1) * ROWS_BETWEEN_RUNS) * features.SAMPLES_PER_ROW


def outputs(samples: npt.NDArray[np.int16], model: Model) -> Iterator[Int8s]:
    """The model's answers, one for every 0.32 s from the first full window on."""
    rows = features.rows(samples)
    for end in range(features.ROWS, len(rows) + 1, ROWS_BETWEEN_RUNS):
        yield model(features.window(rows[end - features.ROWS : end])[np.newaxis])


def console(samples: npt.NDArray[np.int16], model: Model) -> str:
    """What the firmware prints."""
    lines = ["gesture detection: waiting"]
    for found in detect(outputs(samples, model), DETECTOR):
        tenths = samples_at(found.run) * 10 // motion.RATE
        gesture = f"{motion.LABELS[found.label]} ({found.percent} %)"
        lines.append(f"gesture: {gesture} at {tenths // 10}.{tenths % 10} s")
    return "\n".join([*lines, "end of the recordings", ""])
