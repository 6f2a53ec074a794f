"""Write the recording that the firmware plays.

Makes `recordings.npz`, `firmware/recordings.c` and `uart.txt`. `recordings.npz` holds the
samples; `uart.txt` is what the firmware prints for them. Run in `firmware_examples`, with numpy and
edgegen: ``python -m gesture_detection.make_recordings``.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from common import c_text, model
from gesture_detection import data, motion, watch

FOLDER = Path(__file__).parent
PERSON = 2
"""Of the test split."""
PARTS = (
    ("circle", "still"),
    ("none", "walk"),
    ("shake", "still"),
    ("swipe", "still"),
    ("knock", "walk"),
    ("none", "thrust"),
)


def record() -> npt.NDArray[np.int16]:
    """The samples, [2400, 3]."""
    rng = np.random.default_rng([data.SEED, data.TEST.stream, PERSON])
    who = motion.person(rng)
    parts = [(motion.LABELS.index(label), kind) for label, kind in PARTS]
    return data.session(who, parts, rng).samples


def c_file(samples: npt.NDArray[np.int16]) -> str:
    """Contents of `firmware/recordings.c`."""
    table = c_text.array("int16_t", "recordings", samples, static=False)
    table = table.replace(f"[{len(samples)}]", "[RECORDINGS_SAMPLES]", 1)
    head = '/* recordings.c - written by make_recordings.py. */\n#include "recordings.h"\n\n'
    return head + table


def console(samples: npt.NDArray[np.int16]) -> str:
    """What the firmware prints."""
    return watch.console(samples, model.load(FOLDER / "gesture_detection.tflite"))


def main() -> None:
    """Write the files."""
    samples = record()
    np.savez(FOLDER / "recordings.npz", samples=samples)
    (FOLDER / "firmware" / "recordings.c").write_text(c_file(samples))
    text = console(samples)
    (FOLDER / "uart.txt").write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
