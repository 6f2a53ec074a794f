"""From vibration to the model's input, in integers: the definition of `firmware/front_end.c`.

Four frames of 1024 samples, 4096 Hz, are a window of one second. Each gets a Hann window and a
Fourier transform; the powers are summed over the frames and over 48 bands, whose width grows with
frequency. The model's input is the logarithm of a band's mean power: int8, 1/8 of a power of two
(0.38 dB) a step.
"""

import numpy as np
import numpy.typing as npt

from common import fixed
from common.fixed import Ints

FRAME = 1024
FRAMES = 4
BANDS = 48
LOWEST_BIN = 3
"""12 Hz; below is what the sensor adds."""
INPUT_SCALE = 1 / 32
INPUT_ZERO_POINT = 0

SAMPLE_BITS = 5
POWER_SHIFT = 14
LEVEL_SHIFT = 13
"""From Q16 to eighths."""
REFERENCE = 18 << 16
"""Logarithm, base 2 and Q16, of the mean power that gives an input of zero."""


def hann_table() -> Ints:
    """The first half of the window, [512], Q15; the second is its mirror image."""
    place = np.arange(FRAME // 2) + 0.5
    return np.rint(32768 * (0.5 - 0.5 * np.cos(2 * np.pi * place / FRAME))).astype(np.int64)


def band_edges() -> Ints:
    """First bin of each band and the end: [49]; two bins or more, evenly on a logarithmic scale."""
    edges = [LOWEST_BIN]
    for band in range(BANDS):
        left = BANDS - band
        ratio = (FRAME // 2 / edges[-1]) ** (1 / left)
        edges.append(edges[-1] + max(2, round(edges[-1] * (ratio - 1))))
    edges[-1] = FRAME // 2
    return np.array(edges)


def band_offsets() -> Ints:
    """What is subtracted from the logarithm of a band's sum, Q16: [48]."""
    widths = np.diff(band_edges()) * FRAMES
    return np.rint(65536 * np.log2(widths)).astype(np.int64) + REFERENCE


_HANN = np.concatenate([hann_table(), hann_table()[::-1]])
_EDGES = band_edges()
_OFFSETS = band_offsets()


def window(samples: npt.NDArray[np.int16]) -> npt.NDArray[np.int8]:
    """The model's input: [..., 4096] to [..., 48]."""
    frames = samples.astype(np.int64).reshape(*samples.shape[:-1], FRAMES, FRAME)
    re, im = fixed.rfft(fixed.mul_q15(frames << SAMPLE_BITS, _HANN))
    power = ((re * re + im * im) >> POWER_SHIFT).sum(axis=-2)
    energy = np.add.reduceat(power[..., : _EDGES[-1]], _EDGES[:-1], axis=-1)
    level = fixed.log2_q16(energy + 1) - _OFFSETS
    rounded = (level + (1 << (LEVEL_SHIFT - 1))) >> LEVEL_SHIFT
    return np.clip(rounded, -128, 127).astype(np.int8)
