"""Sound: synthetic speech, background noise and their mixture.

A waveform is a one-dimensional float64 array in full-scale units (the largest magnitude is 1.0),
sampled at 16 kHz. A clip is a waveform of exactly one second.
"""

import subprocess

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000
CLIP_SAMPLES = SAMPLE_RATE
NOISE_KINDS = ("white", "pink", "brown", "hum", "babble")

_ESPEAK_RATE = 22_050
_WAV_HEADER_BYTES = 44

Waveform = npt.NDArray[np.float64]


def speak(word: str, voice: str, words_per_minute: int, pitch: int, rate: float = 1.0) -> Waveform:
    """Synthesise one word and cut the silence around it.

    Args:
        word: Text to say.
        voice: espeak-ng voice, ``accent+variant``.
        words_per_minute: Speaking rate.
        pitch: espeak-ng pitch, 0 to 99.
        rate: Playback rate; above 1 the word is shorter and its formants are higher.

    Returns:
        The word, with its peak at 1.0; at most one second of it.
    """
    command = ["espeak-ng", "-v", voice, "-s", str(words_per_minute), "-p", str(pitch)]
    wav = subprocess.run([*command, "--stdout", word], check=True, capture_output=True).stdout
    samples = np.frombuffer(wav[_WAV_HEADER_BYTES:], dtype="<i2").astype(np.float64)
    length = round(samples.size * SAMPLE_RATE / _ESPEAK_RATE / rate)
    return trim(resample(samples, length))


def resample(samples: Waveform, length: int) -> Waveform:
    """Resample to `length` samples by cutting or padding the spectrum.

    The ends of the waveform must be silent, since the method takes it to be periodic.
    """
    spectrum = np.fft.rfft(samples)
    resized = np.zeros(length // 2 + 1, dtype=np.complex128)
    kept = min(spectrum.size, resized.size)
    resized[:kept] = spectrum[:kept]
    return np.asarray(np.fft.irfft(resized, n=length) * (length / samples.size))


def trim(samples: Waveform) -> Waveform:
    """Scale the peak to 1.0, drop what lies more than 40 dB below it at both ends, limit to 1 s."""
    scaled = samples / np.max(np.abs(samples))
    loud = np.flatnonzero(np.abs(scaled) > 0.01)
    word = scaled[loud[0] : loud[-1] + 1]
    excess = max(word.size - CLIP_SAMPLES, 0)
    cut: Waveform = word[excess // 2 : excess // 2 + CLIP_SAMPLES]
    return cut


def place(word: Waveform, rng: np.random.Generator) -> Waveform:
    """Put a word into a silent clip: about the middle, shifted by up to 0.1 s where it fits."""
    slack = CLIP_SAMPLES - word.size
    shift = int(rng.integers(-SAMPLE_RATE // 10, SAMPLE_RATE // 10 + 1))
    start = min(max(slack // 2 + shift, 0), slack)
    clip = np.zeros(CLIP_SAMPLES)
    clip[start : start + word.size] = word
    return clip


def colour(clip: Waveform, spread_db: float, rng: np.random.Generator) -> Waveform:
    """Filter with a smooth random frequency response, as another room or microphone would.

    The gain in decibel is drawn from a normal distribution at eight frequencies, one octave apart,
    and interpolated linearly between them.
    """
    octaves = np.arange(8)
    gains_db = spread_db * rng.standard_normal(octaves.size)
    hertz = np.maximum(np.fft.rfftfreq(clip.size, 1 / SAMPLE_RATE), 1.0)
    response_db = np.interp(np.log2(hertz / 62.5), octaves, gains_db)
    return np.fft.irfft(np.fft.rfft(clip) * 10 ** (response_db / 20), n=clip.size)


def coloured_noise(exponent: float, rng: np.random.Generator) -> Waveform:
    """Noise whose power falls with frequency to the power `exponent`; flat below 20 Hz."""
    spectrum = np.fft.rfft(rng.standard_normal(CLIP_SAMPLES))
    hertz = np.maximum(np.fft.rfftfreq(CLIP_SAMPLES, 1 / SAMPLE_RATE), 20.0)
    return np.fft.irfft(spectrum * hertz ** (-exponent / 2), n=CLIP_SAMPLES)


def hum(rng: np.random.Generator) -> Waveform:
    """Mains hum: 50 or 60 Hz and eleven harmonics of random strength and phase."""
    mains = float(rng.choice([50.0, 60.0]))
    seconds = np.arange(CLIP_SAMPLES) / SAMPLE_RATE
    clip = np.zeros(CLIP_SAMPLES)
    for harmonic in range(1, 13):
        strength = rng.uniform(0.2, 1.0) / harmonic
        phase = rng.uniform(0, 2 * np.pi)
        clip += strength * np.sin(2 * np.pi * mains * harmonic * seconds + phase)
    return clip + 0.02 * rng.standard_normal(CLIP_SAMPLES)


def babble(words: list[Waveform], rng: np.random.Generator) -> Waveform:
    """Eight words at once, each at a random place and of random strength."""
    clip = 0.001 * rng.standard_normal(CLIP_SAMPLES)
    for index in rng.integers(0, len(words), size=8):
        word = np.zeros(CLIP_SAMPLES)
        word[: words[index].size] = words[index]
        clip += rng.uniform(0.4, 1.0) * np.roll(word, int(rng.integers(CLIP_SAMPLES)))
    return clip


def background(kind: str, words: list[Waveform], rng: np.random.Generator) -> Waveform:
    """One clip of a kind in `NOISE_KINDS`, with a mean square of 1."""
    if kind == "hum":
        clip = hum(rng)
    elif kind == "babble":
        clip = babble(words, rng)
    else:
        clip = coloured_noise({"white": 0.0, "pink": 1.0, "brown": 2.0}[kind], rng)
    return np.asarray(clip / np.sqrt(np.mean(clip**2)))


def mix(word: Waveform, noise: Waveform, snr_db: float) -> Waveform:
    """Add noise of mean square 1 to a placed word at a signal-to-noise ratio over the clip."""
    signal_power = float(np.mean(word**2))
    return np.asarray(word + noise * np.sqrt(signal_power / 10 ** (snr_db / 10)))


def digitise(clip: Waveform, peak_db: float) -> npt.NDArray[np.int16]:
    """Scale the peak to `peak_db` below full scale and round to 16-bit samples."""
    scaled: Waveform = clip / np.max(np.abs(clip)) * 10 ** (peak_db / 20)
    samples: npt.NDArray[np.int16] = np.rint(scaled * 32767).astype(np.int16)
    return samples
