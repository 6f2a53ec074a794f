"""How badly the autoencoder reproduces a spectrum: the definition of `firmware/score.c`."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from common import model
from edgegen.pipeline import load_model, read_graph
from vibration_anomaly import features, machine

FOLDER = Path(__file__).parent
MODEL = FOLDER / "vibration_anomaly.tflite"
SHIFT = 4
"""Differences are in Q16 before it, in Q12 after."""

Int8s = npt.NDArray[np.int8]


class Scorer:
    """The model and its scales."""

    def __init__(self) -> None:
        graph = read_graph(load_model(MODEL), "model")
        self._run: Callable[[Int8s], Int8s] = model.load(MODEL)
        self._units = []
        for name in (*graph.inputs, *graph.outputs):
            quant = graph.tensors[name].type.quant
            unit = int(np.float32(quant.scale) * np.float32(65536) + np.float32(0.5))
            self._units.append((unit, int(quant.zero_point)))

    def __call__(self, window: Int8s) -> int:
        """The sum over the bands of the squared difference, [48] to one number."""
        return self.between(window, self.output(window))

    def output(self, window: Int8s) -> Int8s:
        """What the model makes of a window: [48] to [48]."""
        return self._run(window[np.newaxis])

    def between(self, window: Int8s, output: Int8s) -> int:
        """The same for an output that is known."""
        (unit_in, zero_in), (unit_out, zero_out) = self._units
        there = unit_in * (window.astype(np.int64) - zero_in)
        back = unit_out * (output.astype(np.int64) - zero_out)
        return int(np.sum(((there - back) >> SHIFT) ** 2))


def tenths(score: int, threshold: int) -> int:
    """The score as tenths of the threshold, at most 999.9 times it."""
    return min(score * 10 // threshold, 9999)


def lines(
    samples: npt.NDArray[np.int16], scorer: Callable[[Int8s], int], threshold: int
) -> Iterator[str]:
    """What the firmware prints for each window of a recording."""
    for index, record in enumerate(samples.reshape(-1, machine.WINDOW), start=1):
        score = scorer(features.window(record))
        ratio = tenths(score, threshold)
        verdict = "ANOMALY" if score > threshold else "normal"
        yield f"vibration: {verdict} (score {ratio // 10}.{ratio % 10}) at {index} s"


def console(samples: npt.NDArray[np.int16], threshold: int) -> str:
    """What the firmware prints."""
    text = ["vibration anomaly: listening", *lines(samples, Scorer(), threshold)]
    return "\n".join([*text, "end of the recordings", ""])
