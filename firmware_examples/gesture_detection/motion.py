"""Synthetic motion of a hand that holds a board, as its accelerometer measures it.

A hand moves along a path, in metres, x to the right, y forward and z up; its second derivative and
gravity, seen from the board, are what the sensor measures. How a person holds the board and how
fast and how far the person moves is drawn once for each person.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RATE = 100
"""Samples a second."""
LSB_PER_G = 4096
"""Of a sensor with 16 bits and a range of 8 g."""
GRAVITY = 9.80665

LABELS = ("none", "circle", "shake", "swipe", "knock")
BACKGROUNDS = ("still", "walk", "reach", "turn", "thrust")
"""What the label `none` stands for; the last is a knock that comes once only."""

Path = npt.NDArray[np.float64]
Random = np.random.Generator


@dataclass(frozen=True)
class Person:
    """Habits of one person.

    Attributes:
        size: factor of all distances.
        pace: factor of all durations.
        hold: how the board is held, roll and pitch in radians.
        wrist: radians that the wrist turns for each metre of movement.
        tremor: of the hand, metres.
        left_handed: circles and swipes start the other way round.
    """

    size: float
    pace: float
    hold: tuple[float, float]
    wrist: float
    tremor: float
    left_handed: bool


def person(rng: Random) -> Person:
    """Draw a person."""
    return Person(
        size=float(np.exp(rng.normal(0.0, 0.2))),
        pace=float(np.exp(rng.normal(0.0, 0.12))),
        hold=(float(rng.normal(0.0, 0.25)), float(rng.normal(0.0, 0.25))),
        wrist=float(rng.normal(0.0, 0.6)),
        tremor=float(rng.uniform(0.0001, 0.0004)),
        left_handed=bool(rng.random() < 0.15),
    )


def _seconds(duration: float) -> Path:
    return np.arange(max(round(duration * RATE), 2)) / (duration * RATE)


def _reach(duration: float, to: Path) -> Path:
    """A movement to a place and no further, with the least jerk."""
    t = np.minimum(_seconds(duration), 1.0)[:, np.newaxis]
    return np.asarray(to * (10 * t**3 - 15 * t**4 + 6 * t**5))


def _in_and_out(duration: float) -> Path:
    """Rises from 0 to 1 and falls again, smoothly at both ends: the envelope of a gesture."""
    return np.asarray(np.sin(np.pi * _seconds(duration)) ** 2)


def _fade(count: int, ends: float) -> Path:
    """One in the middle; a smooth rise and fall over `ends` of the length."""
    place = np.arange(count) / count
    edge = np.clip(np.minimum(place, 1 - place) / ends, 0, 1)
    return np.asarray(edge * edge * (3 - 2 * edge))


def _turned(points: Path, axis: int, angle: Path | float) -> Path:
    """Turn points, [n, 3], about an axis by one angle for all or one for each."""
    a, b = points[:, (axis + 1) % 3], points[:, (axis + 2) % 3]
    turned = points.copy()
    turned[:, (axis + 1) % 3] = a * np.cos(angle) - b * np.sin(angle)
    turned[:, (axis + 2) % 3] = a * np.sin(angle) + b * np.cos(angle)
    return turned


def _tilted(points: Path, rng: Random, spread: float) -> Path:
    """Turn a path about all three axes by small random angles."""
    for axis in range(3):
        points = _turned(points, axis, float(rng.normal(0.0, spread)))
    return points


def _circle(who: Person, rng: Random) -> Path:
    """One to two and a half turns in a vertical plane."""
    turns = rng.uniform(1.2, 2.4)
    duration = min(turns * rng.uniform(0.55, 0.85) * who.pace, 2.0)
    radius = rng.uniform(0.10, 0.20) * who.size
    angle = 2 * np.pi * turns * _seconds(duration) * (-1 if who.left_handed else 1)
    angle = angle + rng.uniform(0, 2 * np.pi)
    flat = np.stack([np.cos(angle), np.zeros(angle.size), rng.uniform(0.7, 1.1) * np.sin(angle)], 1)
    return np.asarray(radius * (flat * _fade(angle.size, 0.2)[:, np.newaxis]))


def _shake(who: Person, rng: Random) -> Path:
    """From side to side, several times a second."""
    duration = rng.uniform(0.9, 1.9)
    hertz = rng.uniform(3.2, 5.2) / who.pace
    t = duration * _seconds(duration)
    side = rng.uniform(0.015, 0.04) * who.size * np.sin(2 * np.pi * hertz * t)
    side = side * _fade(t.size, 0.25)
    return np.stack([side, 0.1 * side, rng.normal(0, 0.15) * side], 1)


def _swipe(who: Person, rng: Random) -> Path:
    """Fast to one side; mostly, slowly back again."""
    side = (-1.0 if who.left_handed else 1.0) * (1 if rng.random() < 0.5 else -1)
    far = np.array([side, rng.normal(0, 0.1), rng.normal(0, 0.1)]) * rng.uniform(0.22, 0.42)
    out = _reach(rng.uniform(0.28, 0.45) * who.pace, far * who.size)
    if rng.random() < 0.3:
        return out
    rest = np.repeat(out[-1:], round(rng.uniform(0.05, 0.3) * RATE), axis=0)
    back = out[-1] - _reach(rng.uniform(0.7, 1.0), far * who.size)
    return np.concatenate([out, rest, back])


def _thrust(who: Person, rng: Random) -> Path:
    """Once forward and back, as on a door."""
    depth = rng.uniform(0.04, 0.08) * who.size
    pulse = depth * _in_and_out(rng.uniform(0.18, 0.28) * who.pace)
    return np.stack([0.1 * pulse, pulse, rng.normal(-0.2, 0.15) * pulse], 1)


def _knock(who: Person, rng: Random) -> Path:
    """Two thrusts, sometimes three."""
    parts = [_thrust(who, rng)]
    for _ in range(1 if rng.random() < 0.7 else 2):
        parts += [
            np.zeros((round(rng.uniform(0.04, 0.22) * who.pace * RATE), 3)),
            _thrust(who, rng),
        ]
    return np.concatenate(parts)


GESTURES = {"circle": _circle, "shake": _shake, "swipe": _swipe, "knock": _knock}


def gesture(label: str, who: Person, rng: Random) -> Path:
    """The path of one gesture: [samples, 3], metres, from and to rest."""
    return _tilted(GESTURES[label](who, rng), rng, 0.15)


def background(
    kind: str, who: Person, samples: int, rng: Random, *, from_rest: bool = False
) -> Path:
    """A path without a gesture, [samples, 3]; the board's turning is in `measure`.

    Args:
        kind: one of `BACKGROUNDS`.
        who: moves.
        samples: how long.
        rng: draws the movement.
        from_rest: whether it begins and ends without movement.
    """
    t = np.arange(samples) / RATE
    path = np.zeros((samples, 3))
    if kind == "walk":
        step = rng.uniform(1.6, 2.2)
        for harmonic, height in ((1, rng.uniform(0.012, 0.03)), (2, 0.004), (3, 0.0015)):
            phase = rng.uniform(0, 2 * np.pi)
            path[:, 2] += height * who.size * np.sin(2 * np.pi * harmonic * step * t + phase)
        path[:, 0] = rng.uniform(0.01, 0.03) * np.sin(np.pi * step * t + rng.uniform(0, 6))
        path[:, 1] = rng.uniform(0.005, 0.02) * np.sin(2 * np.pi * step * t + rng.uniform(0, 6))
    elif kind in ("reach", "thrust"):
        move = _thrust(who, rng)
        if kind == "reach":
            to = rng.normal(0, 0.2, 3) * who.size
            move = _reach(rng.uniform(0.8, 1.6) * who.pace, to)
        start = int(rng.integers(0, max(samples - len(move), 1)))
        rest = samples - start
        path[start : start + len(move)] = move[:rest]
        path[start + len(move) :] = move[-1]
    if from_rest and kind == "walk":
        path *= _fade(samples, 0.15)[:, np.newaxis]
    return path


def measure(path: Path, who: Person, rng: Random, turn: float = 0.0) -> npt.NDArray[np.int16]:
    """What the accelerometer measures along a path.

    Args:
        path: [samples, 3], metres.
        who: holds the board.
        rng: draws tremor, noise, offset and how the board is held this time.
        turn: radians that the board is turned by about its long axis, at a random time.

    Returns:
        [samples, 3], 4096 for each g; at rest and level it is about (0, 0, 4096).
    """
    count = len(path)
    shaky = path + who.tremor * np.sin(
        2 * np.pi * rng.uniform(8, 11) * np.arange(count)[:, np.newaxis] / RATE
        + rng.uniform(0, 2 * np.pi, 3)
    )
    pull = np.gradient(np.gradient(shaky, axis=0), axis=0) * RATE**2
    pull[:, 2] += GRAVITY
    middle, width = rng.uniform(0, count), rng.uniform(0.3, 0.8) * RATE
    steps = np.clip(4 * (np.arange(count) - middle) / width, -700, None)
    turned = turn / (1 + np.exp(-steps))
    roll = who.hold[0] + rng.normal(0, 0.12) + who.wrist * path[:, 0] + turned
    pitch = who.hold[1] + rng.normal(0, 0.12) + who.wrist * path[:, 2]
    seen = _turned(_turned(pull, 1, roll), 0, pitch) / GRAVITY
    noisy = seen + rng.normal(0, 0.02, 3) + rng.normal(0, 0.004, seen.shape)
    return np.clip(np.rint(noisy * LSB_PER_G), -32768, 32767).astype(np.int16)
