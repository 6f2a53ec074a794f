"""Speak the words, mix them with noise and store the MFCC of each split as ``WORK/<split>.npz``.

Each file holds ``features`` (float32, [clips, 49, 10]), ``labels`` (int16, [clips]), ``voices``
(int16, index into ``voice_names``; -1 for clips without a foreground word), ``words`` and ``snr``
(float32, decibel; infinite for clean clips). Every random draw is seeded by the split and the place
of the utterance in it, so that the data depend neither on the order nor on the number of processes.
"""

import argparse
import functools
import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from keyword_spotting import audio, features
from keyword_spotting.corpus import KEYWORDS, LABELS, NOISE, SPLITS, UNKNOWN, Split

SEED = 20
CLEAN_SHARE = 0.2
SNR_RANGE_DB = (5.0, 30.0)
PEAK_RANGE_DB = (-24.0, -1.0)
BABBLE_WORDS = 200


@dataclass(frozen=True)
class Utterance:
    """One spoken word, or one background clip if `word` is empty."""

    split: Split
    index: int
    word: str
    voice: int
    label: int
    copies: int


@dataclass(frozen=True)
class Clip:
    """One example: the MFCC of a mixed clip, not yet standardised, and what is known about it."""

    raw_mfcc: npt.NDArray[np.float64]
    snr: float
    source: Utterance


def plan(split: Split) -> list[Utterance]:
    """List the utterances of a split."""
    rng = np.random.default_rng([SEED, split.stream])
    said: list[tuple[str, int, int, int]] = []
    for voice in range(len(split.voices)):
        for word in KEYWORDS:
            said += [(word, voice, LABELS.index(word), split.copies)] * split.repeats
        for word in rng.choice(split.unknown_words, size=split.unknown_draws):
            said.append((str(word), voice, UNKNOWN, split.copies))
    said += [("", -1, NOISE, 1)] * split.noise_clips
    return [Utterance(split, index, *item) for index, item in enumerate(said)]


def speak_at_random(
    word: str, voice: str, spread: float, rng: np.random.Generator
) -> audio.Waveform:
    """Say a word at a random speaking rate, pitch and playback rate."""
    words_per_minute, pitch = int(rng.integers(115, 216)), int(rng.integers(25, 76))
    return audio.speak(word, voice, words_per_minute, pitch, rng.uniform(1 - spread, 1 + spread))


def check_voices() -> None:
    """Make sure that every voice of every split sounds different from all others.

    For some accent names (``en-gb``) espeak-ng silently drops the variant; the same voice would
    then be heard both in training and in the test.
    """
    heard: dict[bytes, str] = {}
    for voice in (voice for split in SPLITS for voice in split.voices):
        twin = heard.setdefault(audio.speak("yes no off", voice, 160, 50).tobytes(), voice)
        if twin != voice:
            raise SystemExit(f"voices {twin} and {voice} are the same")


@functools.cache
def babble_words(split: Split) -> list[audio.Waveform]:
    """Unknown words by voices of the split, from which babble is made."""
    rng = np.random.default_rng([SEED, split.stream, 0])
    return [
        speak_at_random(str(rng.choice(split.unknown_words)), str(rng.choice(split.voices)), 0, rng)
        for _ in range(BABBLE_WORDS)
    ]


def make_sounds(source: Utterance) -> Iterator[tuple[npt.NDArray[np.int16], float]]:
    """Mix the clips of one utterance: samples and signal-to-noise ratio in decibel of each."""
    words = babble_words(source.split)
    rng = np.random.default_rng([SEED, source.split.stream, 1, source.index])
    word = None
    if source.word:
        voice = source.split.voices[source.voice]
        word = speak_at_random(source.word, voice, source.split.rate_spread, rng)
    for _ in range(source.copies):
        mixture = audio.background(str(rng.choice(audio.NOISE_KINDS)), words, rng)
        peak_db = rng.uniform(*PEAK_RANGE_DB)
        snr = -np.inf
        if word is None:
            peak_db -= rng.uniform(0.0, 30.0)
        else:
            snr = np.inf if rng.random() < CLEAN_SHARE else rng.uniform(*SNR_RANGE_DB)
            placed = audio.colour(audio.place(word, rng), source.split.colour_db, rng)
            mixture = audio.mix(placed, mixture, snr)
        yield audio.digitise(mixture, peak_db), snr


def make_clips(source: Utterance) -> list[Clip]:
    """Turn one utterance into its clips."""
    return [Clip(features.raw_mfcc(sound), snr, source) for sound, snr in make_sounds(source)]


def make_split(split: Split, work: Path, processes: int) -> None:
    """Make all clips of a split and store them."""
    with multiprocessing.Pool(processes) as pool:
        groups = pool.imap(make_clips, plan(split), chunksize=32)
        clips = [clip for group in groups for clip in group]
    raw = np.stack([clip.raw_mfcc for clip in clips])
    np.savez(
        work / f"{split.name}.npz",
        features=features.standardise(raw),
        labels=np.array([clip.source.label for clip in clips], dtype=np.int16),
        voices=np.array([clip.source.voice for clip in clips], dtype=np.int16),
        words=np.array([clip.source.word for clip in clips]),
        snr=np.array([clip.snr for clip in clips], dtype=np.float32),
        voice_names=np.array(split.voices),
    )
    print(f"{split.name}: {len(clips)} clips, {len(split.voices)} voices")
    print("  mean", np.round(raw.mean(axis=(0, 1)), 2).tolist())
    print("  deviation", np.round(raw.std(axis=(0, 1)), 2).tolist())


def main() -> None:
    """Make every split."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for the data")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    check_voices()
    for split in SPLITS:
        make_split(split, options.work, options.processes)


if __name__ == "__main__":
    main()
