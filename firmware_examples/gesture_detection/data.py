"""Windows for training and long recordings for the detector, all from `motion.py`.

The persons of a split occur in no other split. Every random draw is seeded by the split and the
person.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gesture_detection import features, motion

SEED = 7
SCENE_ROWS = 150
"""Six seconds: a gesture begins after two to three of them."""
MOST_OF_ANOTHER = 0.25
"""A window that holds no more of a gesture than this share counts as `none`."""
_SAMPLES = SCENE_ROWS * features.SAMPLES_PER_ROW

Samples = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Split:
    """Part of the data: its name, a number that keeps its draws apart, and how much of it."""

    name: str
    stream: int
    persons: int
    scenes: int


TRAIN = Split("train", 1, persons=160, scenes=50)
VALIDATION = Split("validation", 2, persons=30, scenes=40)
TEST = Split("test", 3, persons=40, scenes=50)


@dataclass(frozen=True)
class Scene:
    """A recording with at most one gesture.

    Attributes:
        label: index into `motion.LABELS`.
        samples: of the sensor, [600, 3].
        begin: row in which the gesture begins; the scene's length if there is none.
        end: row after its last.
    """

    label: int
    samples: Samples
    begin: int
    end: int


def scene(label: int, who: motion.Person, rng: np.random.Generator) -> Scene:
    """Record one scene; half of those with a gesture are otherwise still."""
    kind = str(rng.choice(motion.BACKGROUNDS))
    if label and (rng.random() < 0.5 or kind == "thrust"):
        kind = "still"
    path = motion.background(kind, who, _SAMPLES, rng)
    begin = end = _SAMPLES
    if label:
        move = motion.gesture(motion.LABELS[label], who, rng)
        begin = int(rng.integers(2 * motion.RATE, 3 * motion.RATE))
        end = begin + len(move)
        path[begin:end] += move
        path[end:] += move[-1]
    turn = rng.normal(0, 1.0) if kind == "turn" else 0.0
    per_row = features.SAMPLES_PER_ROW
    return Scene(label, motion.measure(path, who, rng, turn), begin // per_row, -(-end // per_row))


def windows(one: Scene, rng: np.random.Generator) -> Iterator[tuple[npt.NDArray[np.int8], int]]:
    """Two windows that hold all of the gesture, and one that holds little of it or nothing."""
    rows = features.rows(one.samples)
    last = SCENE_ROWS - features.ROWS
    starts = np.arange(last + 1)
    if not one.label:
        chosen = [(int(s), 0) for s in rng.choice(starts, 2)]
    else:
        whole = starts[(starts <= one.begin) & (starts + features.ROWS >= one.end)]
        inside = np.minimum(starts + features.ROWS, one.end) - np.maximum(starts, one.begin)
        little = starts[inside <= MOST_OF_ANOTHER * (one.end - one.begin)]
        chosen = [(int(s), one.label) for s in rng.choice(whole, 2)] if whole.size else []
        chosen += [(int(s), 0) for s in rng.choice(little, 1)] if little.size else []
    for start, label in chosen:
        yield features.window(rows[start : start + features.ROWS]), label


def persons(split: Split) -> Iterator[tuple[motion.Person, np.random.Generator]]:
    """The persons of a split, each with a generator of random numbers."""
    for index in range(split.persons):
        rng = np.random.default_rng([SEED, split.stream, index])
        yield motion.person(rng), rng


def make(split: Split) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64]]:
    """All windows of a split, [n, 1, 64, 3], and their labels; 2 of 6 scenes have no gesture."""
    found: list[tuple[npt.NDArray[np.int8], int]] = []
    for who, rng in persons(split):
        for index in range(split.scenes):
            label = max(index % (len(motion.LABELS) + 1) - 1, 0)
            found += windows(scene(label, who, rng), rng)
    return np.stack([window for window, _ in found]), np.array([label for _, label in found])


@dataclass(frozen=True)
class Session:
    """A long recording.

    Attributes:
        samples: of the sensor, [n, 3].
        gestures: of each, the label and the samples where it begins and ends, in order.
        seconds_without: how long the parts without a gesture are.
    """

    samples: Samples
    gestures: tuple[tuple[int, int, int], ...]
    seconds_without: int


SEGMENT = 4 * motion.RATE


def session(
    who: motion.Person, parts: Sequence[tuple[int, str]], rng: np.random.Generator
) -> Session:
    """Record one part after the other, four seconds each: a label, and what happens besides."""
    pieces, gestures, place = [], [], np.zeros(3)
    for index, (label, kind) in enumerate(parts):
        path = motion.background(kind, who, SEGMENT, rng, from_rest=True) + place
        if label:
            move = motion.gesture(motion.LABELS[label], who, rng)
            begin = int(rng.integers(motion.RATE // 2, 3 * motion.RATE // 2))
            end = begin + len(move)
            path[begin:end] += move
            path[end:] += move[-1]
            gestures.append((label, index * SEGMENT + begin, index * SEGMENT + end))
        pieces.append(path)
        place = path[-1]
    without = sum(label == 0 for label, _ in parts) * SEGMENT // motion.RATE
    samples = motion.measure(np.concatenate(pieces), who, rng)
    return Session(samples, tuple(gestures), without)


def sessions(split: Split, parts: int) -> Iterator[Session]:
    """One session of each person; half of its parts have a gesture, some of them while walking."""
    for who, rng in persons(split):
        chosen = []
        for _ in range(parts):
            label = int(rng.integers(1, len(motion.LABELS))) if rng.random() < 0.5 else 0
            kinds = ("still", "still", "still", "walk") if label else motion.BACKGROUNDS
            chosen.append((label, str(rng.choice(kinds))))
        yield session(who, chosen, rng)
