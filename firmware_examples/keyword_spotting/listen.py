"""Sound in, words out: the definition of `firmware/main.c`."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from common.detector import Settings, detect
from keyword_spotting import features, features_fixed
from keyword_spotting.corpus import LABELS, UNKNOWN

DETECTOR = Settings(first=UNKNOWN + 1, runs=3, threshold=500, pause=3)
"""Chosen on 500 of the held-out clips; `evaluate_fixed.py` measures on the others."""
ROWS_BETWEEN_RUNS = 10

Int8s = npt.NDArray[np.int8]
Model = Callable[[Int8s], Int8s]
"""From a window, [1, 49, 10, 1], to probabilities, [10]."""


def outputs(sound: npt.NDArray[np.int16], model: Model) -> Iterator[Int8s]:
    """The model's answers, one for every 200 ms of sound that follows silence."""
    hop = features.HOP_SAMPLES
    silence = np.zeros(2 * hop, np.int16)
    rows = features_fixed.rows(np.concatenate([silence[:hop], sound]))
    before = np.repeat(features_fixed.rows(silence), features_fixed.ROWS, axis=0)
    stream = np.concatenate([before, rows])
    for hops in range(ROWS_BETWEEN_RUNS, len(rows) + 1, ROWS_BETWEEN_RUNS):
        window = stream[hops : hops + features_fixed.ROWS]
        yield model(window[np.newaxis, :, :, np.newaxis])


def console(sound: npt.NDArray[np.int16], model: Model) -> str:
    """What the firmware prints."""
    lines = ["keyword spotting: listening"]
    for found in detect(outputs(sound, model), DETECTOR):
        tenths = found.run * ROWS_BETWEEN_RUNS // 5
        word = f"{LABELS[found.label]} ({found.percent} %)"
        lines.append(f"word: {word} at {tenths // 10}.{tenths % 10} s")
    return "\n".join([*lines, "end of the recordings", ""])
