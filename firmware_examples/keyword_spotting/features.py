"""Mel-frequency cepstral coefficients (MFCC) of one-second clips.

Input: 16,000 samples, int16, mono, 16 kHz. Output: float32 of shape [49, 10], that is 49 frames of
10 coefficients. A frame is 640 samples (40 ms) long and starts 320 samples (20 ms) after the one
before. Each coefficient is standardised with a fixed mean and standard deviation, hence has no
unit; values lie mostly between -4 and 4 and are limited to that range, which gives the quantised
input tensor a resolution of about 1/32.

The steps for one frame: samples to full-scale units, Hann window, 1024-point power spectrum, 40
triangular mel bands, natural logarithm, orthonormal type-II discrete cosine transform.
"""

import math

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000
FRAME_SAMPLES = 640
HOP_SAMPLES = 320
FFT_SAMPLES = 1024
FRAMES = 49
MEL_BANDS = 40
COEFFICIENTS = 10
LOWEST_HERTZ = 40.0
HIGHEST_HERTZ = 7600.0
LOG_FLOOR = 1e-5
LIMIT = 4.0

# Close to the statistics of the training clips, which `make_data.py` prints. They are part of the
# input format of the trained model: other values need another training run.
MEAN = np.array([-31.3, 7.4, 2.3, 2.3, -0.6, -0.7, 0.1, -0.8, 0.3, 0.1])
DEVIATION = np.array([22.8, 8.4, 4.5, 4.1, 3.4, 2.9, 3.0, 2.5, 2.1, 1.8])

FloatArray = npt.NDArray[np.float64]


def hertz_to_mel(hertz: float) -> float:
    """The mel scale: linear at low, logarithmic at high frequencies."""
    return 2595.0 * math.log10(1.0 + hertz / 700.0)


def mel_weights() -> FloatArray:
    """Weights of the mel bands: [513 spectrum bins, 40 bands]; the peak of each triangle is 1."""
    mels = np.linspace(hertz_to_mel(LOWEST_HERTZ), hertz_to_mel(HIGHEST_HERTZ), MEL_BANDS + 2)
    edges = 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    bins = np.fft.rfftfreq(FFT_SAMPLES, 1 / SAMPLE_RATE)[:, np.newaxis]
    low, peak, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins - low) / (peak - low)
    falling = (high - bins) / (high - peak)
    weights: FloatArray = np.maximum(np.minimum(rising, falling), 0.0)
    return weights


def cosine_basis() -> FloatArray:
    """Orthonormal DCT-II, first coefficients only: [40 bands, 10 coefficients]."""
    band = np.arange(MEL_BANDS)[:, np.newaxis] + 0.5
    basis: FloatArray = np.cos(np.pi / MEL_BANDS * band * np.arange(COEFFICIENTS))
    basis *= np.sqrt(2 / MEL_BANDS)
    basis[:, 0] /= np.sqrt(2)
    return basis


_STARTS = np.arange(FRAMES)[:, np.newaxis] * HOP_SAMPLES
_INDICES = _STARTS + np.arange(FRAME_SAMPLES)
_WINDOW = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(FRAME_SAMPLES) + 0.5) / FRAME_SAMPLES)
_MEL = mel_weights()
_BASIS = cosine_basis()


def raw_mfcc(clip: npt.NDArray[np.int16]) -> FloatArray:
    """Coefficients before they are standardised: [16000] int16 to [49, 10] float64."""
    frames = clip.astype(np.float64)[_INDICES] / 32768.0 * _WINDOW
    power = np.abs(np.fft.rfft(frames, FFT_SAMPLES)) ** 2
    coefficients: FloatArray = np.log(power @ _MEL + LOG_FLOOR) @ _BASIS
    return coefficients


def standardise(raw: FloatArray) -> npt.NDArray[np.float32]:
    """Subtract the mean, divide by the standard deviation and limit: [..., 10] to [..., 10]."""
    standardised: FloatArray = np.clip((raw - MEAN) / DEVIATION, -LIMIT, LIMIT)
    return standardised.astype(np.float32)


def mfcc(clip: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
    """Standardised coefficients, the model's input: [16000] int16 to [49, 10] float32."""
    return standardise(raw_mfcc(clip))
