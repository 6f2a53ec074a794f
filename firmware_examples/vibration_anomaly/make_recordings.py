"""Write the recording that the firmware plays.

Makes `recordings.npz`, `firmware/recordings.c` and `uart.txt`. `recordings.npz` holds the
samples; `uart.txt` is what the firmware prints for them. Run in `firmware_examples`, with numpy and
edgegen, after `evaluate.py` has set the threshold:
``python -m vibration_anomaly.make_recordings``.
"""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from common import c_text
from vibration_anomaly import data, machine, score

FOLDER = Path(__file__).parent
_STREAM = 5
WINDOWS = (
    (24.0, 0.4, None),
    (26.0, 0.9, None),
    (25.0, 0.6, "outer race"),
    (25.0, 0.6, "imbalance"),
    (24.5, 0.8, None),
)
"""Speed, load and fault of each second."""
SEVERITY = 0.6


def record() -> npt.NDArray[np.int16]:
    """The samples, [windows * 4096]."""
    rng = np.random.default_rng([data.SEED, _STREAM])
    return np.concatenate(
        [
            machine.record(rng, machine.Running(speed, load), fault, SEVERITY)
            for speed, load, fault in WINDOWS
        ]
    )


def c_file(samples: npt.NDArray[np.int16]) -> str:
    """Contents of `firmware/recordings.c`."""
    table = c_text.array("int16_t", "recordings", samples, static=False)
    table = table.replace(f"[{len(samples)}]", "[RECORDINGS_SAMPLES]", 1)
    head = '/* recordings.c - written by make_recordings.py. */\n#include "recordings.h"\n\n'
    return head + table


def console(samples: npt.NDArray[np.int16]) -> str:
    """What the firmware prints."""
    metrics = json.loads((FOLDER / "metrics.json").read_text())
    return score.console(samples, metrics["threshold"])


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
