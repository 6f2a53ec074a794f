"""The features of `features.py` in fixed point: the definition of `firmware/front_end.c`.

Sound comes in hops of 320 samples, 20 ms. Every hop but the first completes a frame of 640 samples
and so gives one row of the model's input: ten int8 coefficients. 49 rows are one window. The model
was trained on the float features; `metrics.json` has its accuracy with these.

Fixed point, by its scale against the float definition:

    windowed samples    full scale is 2**21; a sum of them stays below 2**30
    power of a bin      1.0 is 2**28
    energy of a band    1.0 is 2**43; the floor of the logarithm is added to it
    logarithm           base 2, Q16, 0 for an energy of 1.0
    coefficient         the model's int8: mean, deviation and input scale are in the last matrix
"""

import numpy as np
import numpy.typing as npt

from common import fixed
from common.fixed import Ints
from keyword_spotting import features

ROWS = features.FRAMES
INPUT_SCALE = 8 / 255
INPUT_ZERO_POINT = -1

SAMPLE_BITS = 6
POWER_SHIFT = 14
ENERGY_BITS = 43
MATRIX_BITS = 13
_FINAL_SHIFT = 16 + MATRIX_BITS
_ROWS_AT_ONCE = 500

LOG_FLOOR = round(features.LOG_FLOOR * 2**ENERGY_BITS)


def hann_table() -> Ints:
    """The first half of the window, [320], Q15; the second is its mirror image."""
    place = np.arange(features.HOP_SAMPLES) + 0.5
    window = 0.5 - 0.5 * np.cos(2 * np.pi * place / features.FRAME_SAMPLES)
    return np.rint(32768 * window).astype(np.int64)


def mel_edges() -> Ints:
    """First bin of each of the 41 stretches between the edges of the bands, and the end: [42]."""
    mel = features.mel_weights()
    hertz = _edge_hertz()
    bins = np.fft.rfftfreq(features.FFT_SAMPLES, 1 / features.SAMPLE_RATE)
    assert mel.shape[0] == bins.size
    return np.searchsorted(bins, hertz).astype(np.int64)


def mel_rise() -> Ints:
    """Weight, Q15, of each bin from the first edge on in the band that rises over it.

    A stretch has one band that rises and one that falls, whose weights sum to one.
    """
    hertz, edges = _edge_hertz(), mel_edges()
    bins = np.fft.rfftfreq(features.FFT_SAMPLES, 1 / features.SAMPLE_RATE)
    stretch = np.repeat(np.arange(edges.size - 1), np.diff(edges))
    low, high = hertz[stretch], hertz[stretch + 1]
    return np.rint(32768 * (bins[edges[0] : edges[-1]] - low) / (high - low)).astype(np.int64)


def _edge_hertz() -> npt.NDArray[np.float64]:
    mels = np.linspace(
        features.hertz_to_mel(features.LOWEST_HERTZ),
        features.hertz_to_mel(features.HIGHEST_HERTZ),
        features.MEL_BANDS + 2,
    )
    return np.asarray(700.0 * (10.0 ** (mels / 2595.0) - 1.0))


def final_matrix() -> Ints:
    """From logarithms to coefficients: natural base, cosine transform, deviation: [10, 40], Q13."""
    real = np.log(2) * features.cosine_basis() / (features.DEVIATION * INPUT_SCALE)
    return np.rint(real.T * 2**MATRIX_BITS).astype(np.int64)


def final_offset() -> Ints:
    """Mean, zero point and the half for rounding, at the scale of the products: [10]."""
    real = -features.MEAN / (features.DEVIATION * INPUT_SCALE) + INPUT_ZERO_POINT + 0.5
    return np.rint(real * 2**_FINAL_SHIFT).astype(np.int64)


_HANN = np.concatenate([hann_table(), hann_table()[::-1]])
_EDGES = mel_edges()
_RISE = mel_rise()
_MATRIX = final_matrix()
_OFFSET = final_offset()


def rows(sound: npt.NDArray[np.int16]) -> npt.NDArray[np.int8]:
    """All rows of a sound of any length: [samples] to [hops - 1, 10]."""
    starts = np.arange(sound.size // features.HOP_SAMPLES - 1) * features.HOP_SAMPLES
    parts = np.split(starts, np.arange(_ROWS_AT_ONCE, starts.size, _ROWS_AT_ONCE))
    return np.concatenate([_rows(sound, part) for part in parts])


def _rows(sound: npt.NDArray[np.int16], starts: Ints) -> npt.NDArray[np.int8]:
    frames = sound[starts[:, np.newaxis] + np.arange(features.FRAME_SAMPLES)].astype(np.int64)
    padded = np.zeros((starts.size, features.FFT_SAMPLES), np.int64)
    padded[:, : features.FRAME_SAMPLES] = fixed.mul_q15(frames << SAMPLE_BITS, _HANN)
    re, im = fixed.rfft(padded)
    logs = fixed.log2_q16(_energies((re * re + im * im) >> POWER_SHIFT) + LOG_FLOOR)
    sums = (logs - (ENERGY_BITS << 16)) @ _MATRIX.T + _OFFSET
    return np.clip(sums >> _FINAL_SHIFT, -128, 127).astype(np.int8)


def _energies(power: Ints) -> Ints:
    """Of the bands: [frames, 512] to [frames, 40]."""
    part = power[:, _EDGES[0] : _EDGES[-1]]
    rising = np.add.reduceat(part * _RISE, _EDGES[:-1] - _EDGES[0], axis=1)
    falling = np.add.reduceat(part * (32768 - _RISE), _EDGES[:-1] - _EDGES[0], axis=1)
    return np.asarray(rising[:, :-1] + falling[:, 1:])


def window(clip: npt.NDArray[np.int16]) -> npt.NDArray[np.int8]:
    """The model's input for a clip of one second: [16000] to [1, 49, 10, 1]."""
    return rows(clip).reshape(1, ROWS, features.COEFFICIENTS, 1)
