"""Write the recordings that the firmware plays.

Makes `recordings.npz`, `firmware/recordings.c` and `uart.txt`.

`recordings.npz` holds for every word its name, its first sample and its 8-bit mu-law codes;
`uart.txt` is what the firmware prints for them. Run in `firmware_examples`, with espeak-ng to speak
the words anew or with ``--no-speech`` to write the C file and the text from the `.npz` alone:
``python -m keyword_spotting.make_recordings``.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from common import c_text, model
from keyword_spotting import audio, listen

FOLDER = Path(__file__).parent
SOUND_SAMPLES = 72_000
PEAK_DB = -6.0
# Word, voice of the test split, words per minute, pitch, time of its middle in seconds.
SPOKEN = (
    ("yes", "en-us+f2", 150, 55, 0.5),
    ("left", "en+m3", 140, 45, 1.5),
    ("music", "en-us+linda", 150, 50, 2.5),
    ("off", "en-us+m7", 140, 50, 3.5),
)

Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Recording:
    """A word: what is said, its first sample's place in the sound, and its mu-law codes."""

    word: str
    start: int
    codes: Codes


def compress(samples: npt.NDArray[np.int16]) -> Codes:
    """ITU-T G.711 mu-law: for every sample the code whose value is nearest."""
    values = expand(np.arange(256, dtype=np.uint8)).astype(np.int64)
    order = np.argsort(values, kind="stable")
    middles = (values[order][1:] + values[order][:-1]) / 2
    return order[np.searchsorted(middles, samples)].astype(np.uint8)


def expand(codes: Codes) -> npt.NDArray[np.int16]:
    """The value of each code, as `firmware/sensor.c` computes it."""
    bits = ~codes.astype(np.int64) & 0xFF
    size = (((bits & 0x0F) * 8 + 0x84) << ((bits >> 4) & 7)) - 0x84
    return np.where(bits & 0x80, -size, size).astype(np.int16)


def speak() -> list[Recording]:
    """The words, with espeak-ng."""
    recordings = []
    for word, voice, words_per_minute, pitch, middle in SPOKEN:
        samples = audio.digitise(audio.speak(word, voice, words_per_minute, pitch), PEAK_DB)
        start = round(middle * audio.SAMPLE_RATE) - samples.size // 2
        recordings.append(Recording(word, start, compress(samples)))
    return recordings


def load() -> list[Recording]:
    """The words as stored."""
    with np.load(FOLDER / "recordings.npz") as stored:
        words, starts = stored["words"], stored["starts"]
        return [
            Recording(str(word), int(start), stored[f"codes_{word}"])
            for word, start in zip(words, starts, strict=True)
        ]


def store(recordings: list[Recording]) -> None:
    """Write `recordings.npz`."""
    np.savez(
        FOLDER / "recordings.npz",
        words=np.array([r.word for r in recordings]),
        starts=np.array([r.start for r in recordings]),
        **{f"codes_{r.word}": r.codes for r in recordings},
    )


def sound(recordings: list[Recording]) -> npt.NDArray[np.int16]:
    """All that the firmware hears."""
    samples = np.zeros(SOUND_SAMPLES, np.int16)
    for one in recordings:
        samples[one.start : one.start + one.codes.size] = expand(one.codes)
    return samples


def c_file(recordings: list[Recording]) -> str:
    """Contents of `firmware/recordings.c`."""
    parts = ["/* recordings.c - written by make_recordings.py. */", '#include "recordings.h"', ""]
    parts += [c_text.array("uint8_t", one.word, one.codes) for one in recordings]
    table = [f"    {{{one.start}, {one.codes.size}, {one.word}}}," for one in recordings]
    parts += ["const recording_t recordings[RECORDINGS] = {", *table, "};", ""]
    return "\n".join(parts)


def console(recordings: list[Recording]) -> str:
    """What the firmware prints."""
    run = model.load(FOLDER / "keyword_spotting.tflite")
    return listen.console(sound(recordings), run)


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-speech", action="store_true", help="take the words from the .npz")
    options = parser.parse_args()
    recordings = load() if options.no_speech else speak()
    if not options.no_speech:
        store(recordings)
    (FOLDER / "firmware" / "recordings.c").write_text(c_file(recordings))
    text = console(recordings)
    (FOLDER / "uart.txt").write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
