"""From acceleration to the model's input, in integers: the definition of `firmware/front_end.c`.

Four samples of the sensor, 100 Hz, are averaged to one row, 25 Hz, of three axes. 64 rows, 2.56 s,
are a window. Its mean, which is mostly gravity, is subtracted from each axis; the rest is the
model's input, int8 with a unit of 1/64 g, limited to -2 g and 2 g.
"""

import numpy as np
import numpy.typing as npt

SAMPLES_PER_ROW = 4
ROWS = 64
AXES = 3
INPUT_SCALE = 1 / 64
INPUT_ZERO_POINT = 0
_SHIFT = 6
"""4096 for each g become 64."""


def rows(samples: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """Average groups of four, halves up: [samples, 3] to [samples // 4, 3]."""
    count = len(samples) // SAMPLES_PER_ROW
    groups = samples[: count * SAMPLES_PER_ROW].reshape(count, SAMPLES_PER_ROW, AXES)
    return ((groups.astype(np.int64).sum(axis=1) + 2) >> 2).astype(np.int16)


def window(last: npt.NDArray[np.int16]) -> npt.NDArray[np.int8]:
    """The model's input: the last rows, [..., 64, 3], to [..., 1, 64, 3]."""
    values = last.astype(np.int64)
    mean = (values.sum(axis=-2, keepdims=True) + ROWS // 2) >> 6
    shifted = (values - mean + (1 << (_SHIFT - 1))) >> _SHIFT
    return np.clip(shifted, -128, 127).astype(np.int8)[..., np.newaxis, :, :]
