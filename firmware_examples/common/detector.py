"""From a classifier's answers, run after run, to events: the definition of `detector.c`."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int8s = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Settings:
    """When something counts as detected.

    Attributes:
        first: the labels before it mean that there was nothing.
        runs: of the model in the mean.
        threshold: of a sum of 256 * probability over the runs.
        pause: deaf until so many runs after an event.
    """

    first: int
    runs: int
    threshold: int
    pause: int


@dataclass(frozen=True)
class Detection:
    """An event.

    Attributes:
        label: output of the model.
        percent: its highest mean probability.
        run: after which it was reported, from 1.
    """

    label: int
    percent: int
    run: int


def detect(answers: Iterable[Int8s], settings: Settings) -> Iterator[Detection]:
    """The events in the model's answers, int8 of scale 1 / 256 and zero point -128."""
    history: deque[npt.NDArray[np.int64]] = deque(maxlen=settings.runs)
    pause, rising, highest = 0, -1, 0
    for run, answer in enumerate(answers, start=1):
        history.append(answer.astype(np.int64) + 128)
        sums = np.sum(history, axis=0)
        best = int(sums.argmax())
        strong = best >= settings.first and sums[best] >= settings.threshold
        pause = max(pause - 1, 0)
        if rising >= 0 and not (strong and sums[best] > highest):
            certain = 256 * settings.runs
            yield Detection(rising, (highest * 100 + certain // 2) // certain, run)
            pause, rising = settings.pause, -1
        elif strong and pause == 0:
            rising, highest = best, int(sums[best])
