"""Windows of the machine, from `machine.py`. Every random draw is seeded by the split."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vibration_anomaly import features, machine

SEED = 11
SEVERITIES = (0.1, 0.3, 1.0)
FAULTY_WINDOWS = 200
"""For each fault and severity."""


@dataclass(frozen=True)
class Split:
    """Part of the healthy data: its name, a number that keeps its draws apart, its size."""

    name: str
    stream: int
    windows: int


TRAIN = Split("train", 1, 6000)
VALIDATION = Split("validation", 2, 3000)
TEST = Split("test", 3, 3000)
_FAULTY_STREAM = 4


def healthy(split: Split) -> npt.NDArray[np.int8]:
    """The model's inputs for windows of the healthy machine: [windows, 48]."""
    rng = np.random.default_rng([SEED, split.stream])
    return _features(machine.record(rng, machine.draw_running(rng)) for _ in range(split.windows))


def faulty() -> Iterator[tuple[str, float, npt.NDArray[np.int8]]]:
    """Every fault in every severity, with the model's inputs for its windows."""
    for index, (fault, severity) in enumerate((f, s) for f in machine.FAULTS for s in SEVERITIES):
        rng = np.random.default_rng([SEED, _FAULTY_STREAM, index])
        records = (
            machine.record(rng, machine.draw_running(rng), fault, severity)
            for _ in range(FAULTY_WINDOWS)
        )
        yield fault, severity, _features(records)


def _features(records: Iterator[npt.NDArray[np.int16]]) -> npt.NDArray[np.int8]:
    return np.stack([features.window(record) for record in records])
