"""Synthetic vibration of one machine, a motor with a gearbox, healthy and with faults.

All frequencies follow the speed of the shaft. A healthy machine gives harmonics of the shaft, the
meshing of the gears with sidebands, and noise that two resonances of the housing colour; speed and
load vary from window to window. A fault adds what such a fault adds in theory; its severity scales
the addition.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RATE = 4096
"""Samples a second."""
LSB_PER_G = 2048
"""Of a sensor with 16 bits and a range of 16 g."""
WINDOW = 4096

TEETH = 19
OUTER_RACE = 3.58
"""Balls that pass a flaw of the outer race in a turn of the shaft, for a bearing of nine balls."""
INNER_RACE = 5.42
RESONANCES = ((620.0, 60.0, 0.05), (1380.0, 90.0, 0.06))
"""Hertz, width in hertz, noise in g."""

FAULTS = ("imbalance", "misalignment", "looseness", "outer race", "inner race", "lubrication")

Signal = npt.NDArray[np.float64]
Random = np.random.Generator


@dataclass(frozen=True)
class Running:
    """How the machine runs during a window: shaft speed in hertz, and load from 0 to 1."""

    speed: float
    load: float


def draw_running(rng: Random) -> Running:
    """A speed and a load within what is normal."""
    return Running(float(rng.uniform(23.5, 26.5)), float(rng.uniform(0.3, 1.0)))


def _tones(turn: Signal, amplitudes: dict[float, float], rng: Random) -> Signal:
    """Sines by multiple of the shaft's speed, in g, of random phase."""
    total = np.zeros(turn.size)
    for multiple, amplitude in amplitudes.items():
        total += amplitude * np.sin(2 * np.pi * multiple * turn + rng.uniform(0, 2 * np.pi))
    return total


def _noise(rng: Random, gain: float, drift: float) -> Signal:
    """Noise of the housing: flat, with two resonances that drift by a share of their frequency."""
    hertz = np.fft.rfftfreq(WINDOW, 1 / RATE)
    shape = np.full(hertz.size, 0.02)
    for centre, width, amplitude in RESONANCES:
        shape += amplitude / (1 + ((hertz - centre * (1 + drift)) / width) ** 2)
    white = np.fft.rfft(rng.standard_normal(WINDOW))
    return np.fft.irfft(gain * shape * white, n=WINDOW)


def _strokes(turn: Signal, rate: float, amplitude: Signal, rng: Random) -> Signal:
    """Short strokes, `rate` in a turn of the shaft, each of which rings in the upper resonance."""
    phase = rate * turn + rng.uniform()
    passed = np.flatnonzero(np.diff(np.floor(phase)) > 0)
    slip = np.rint(rng.normal(0, 0.0004 * RATE, passed.size)).astype(np.int64)
    train = np.zeros(WINDOW)
    train[np.clip(passed + slip, 0, WINDOW - 1)] = 1.0
    t = np.arange(128) / RATE
    ring = np.exp(-t * 600.0) * np.sin(2 * np.pi * RESONANCES[1][0] * t)
    return np.convolve(train * amplitude, ring)[:WINDOW]


def _fault(kind: str, severity: float, turn: Signal, running: Running, rng: Random) -> Signal:
    """What a fault adds, in g. Severity 1 is plain to see in the spectrum; 0.3 is a beginning."""
    if kind == "imbalance":
        return _tones(turn, {1: 0.30 * severity * (running.speed / 25) ** 2}, rng)
    if kind == "misalignment":
        return _tones(turn, {2: 0.25 * severity, 3: 0.12 * severity}, rng)
    if kind == "looseness":
        halves = {0.5 * k: 0.08 * severity / np.sqrt(k) for k in range(1, 20)}
        return _tones(turn, halves, rng)
    if kind == "outer race":
        return _strokes(turn, OUTER_RACE, np.full(WINDOW, 0.6 * severity), rng)
    if kind == "inner race":
        load_zone = 0.5 + 0.5 * np.cos(2 * np.pi * turn + rng.uniform(0, 2 * np.pi))
        return _strokes(turn, INNER_RACE, 0.8 * severity * load_zone, rng)
    return _noise(rng, 1.6 * severity, 0.0) * (0.5 + running.load)


def record(
    rng: Random, running: Running, fault: str | None = None, severity: float = 0.0
) -> npt.NDArray[np.int16]:
    """One window, one second, of the sensor: [4096], 2048 for each g."""
    wander = np.cumsum(rng.standard_normal(WINDOW)) * 2e-5
    turn = np.cumsum(running.speed * (1 + wander)) / RATE
    load = running.load
    signal = _tones(turn, {1: 0.060, 2: 0.030, 3: 0.015, 4: 0.008}, rng)
    mesh = {TEETH: 0.10 * load + 0.02, TEETH - 1: 0.02 * load, TEETH + 1: 0.02 * load}
    mesh |= {2 * TEETH: 0.04 * load, 3 * TEETH: 0.015 * load}
    signal += _tones(turn, mesh, rng)
    signal += _noise(rng, 0.8 + 0.4 * load, float(rng.normal(0, 0.004)))
    if fault is not None:
        signal += _fault(fault, severity, turn, running, rng)
    signal *= np.exp(rng.normal(0, 0.03))
    signal += rng.normal(0, 0.02) + rng.normal(0, 0.004, WINDOW)
    return np.clip(np.rint(signal * LSB_PER_G), -32768, 32767).astype(np.int16)
