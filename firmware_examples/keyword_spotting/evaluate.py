"""Measure the int8 model on the held-out voices; write ``metrics.json`` and ``samples.npz``.

The model runs in the reference kernels of tflite_runtime, one clip at a time. ``samples.npz`` holds
a few clips of the test split with the model's own answers: ``inputs`` (int8, [N, 49, 10, 1]),
``labels`` (int16, [N]), ``outputs`` (int8, [N, labels]) and ``label_names``.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tflite_runtime.interpreter import Interpreter, OpResolverType  # type: ignore[import-not-found]

from keyword_spotting.corpus import LABELS, NOISE, TEST, TRAIN, UNKNOWN

SEED = 20
SAMPLES_PER_LABEL = 4
LOW_SNR_DB = 15.0

Int8Array = npt.NDArray[np.int8]
BoolArray = npt.NDArray[np.bool_]


def quantise(values: npt.NDArray[np.float32], scale: float, zero_point: int) -> Int8Array:
    """Round real values to int8 with the input tensor's parameters."""
    quantised: Int8Array = np.clip(np.rint(values / scale) + zero_point, -128, 127).astype(np.int8)
    return quantised


def run(model: bytes, inputs: npt.NDArray[np.float32]) -> tuple[Int8Array, Int8Array]:
    """Quantise every clip and run the model on it.

    Args:
        model: Contents of the .tflite file.
        inputs: MFCC, [clips, 49, 10].

    Returns:
        The int8 inputs, [clips, 49, 10, 1], and the int8 outputs, [clips, labels].
    """
    interpreter = Interpreter(
        model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    quantised = quantise(inputs[..., np.newaxis], *source["quantization"])
    outputs = np.empty((len(inputs), len(LABELS)), dtype=np.int8)
    for index in range(len(inputs)):
        interpreter.set_tensor(source["index"], quantised[index : index + 1])
        interpreter.invoke()
        outputs[index] = interpreter.get_tensor(target["index"])[0]
    return quantised, outputs


def choose_samples(labels: npt.NDArray[np.int16]) -> npt.NDArray[np.int64]:
    """Draw the same number of clips of every label, whether the model knows them or not."""
    rng = np.random.default_rng(SEED)
    drawn = [
        rng.choice(np.flatnonzero(labels == label), SAMPLES_PER_LABEL, replace=False)
        for label in range(len(LABELS))
    ]
    return np.sort(np.concatenate(drawn))


def share(right: BoolArray, among: BoolArray) -> float:
    """Share of right answers among some of the clips, to four decimals."""
    return round(float(np.mean(right[among])), 4)


def measure(stored: dict[str, npt.NDArray[np.generic]], outputs: Int8Array) -> dict[str, object]:
    """Compute the figures of ``metrics.json`` that concern the int8 model."""
    labels = np.asarray(stored["labels"], np.int64)
    voices, words, snr = stored["voices"], stored["words"], np.asarray(stored["snr"], np.float64)
    right = outputs.argmax(axis=1) == labels
    spoken, keyword = labels != NOISE, labels > UNKNOWN
    accents = np.array([name.split("+")[0] for name in stored["voice_names"].astype(str)])
    new_accent = ~np.isin(accents, TRAIN.accents)[np.asarray(voices, np.int64)] & spoken
    new_word = ~np.isin(words, TRAIN.unknown_words) & (labels == UNKNOWN)
    accepted = outputs.argmax(axis=1) > UNKNOWN
    return {
        "accuracy_clean": share(right, spoken & np.isinf(snr)),
        "accuracy_new_accents": share(right, new_accent),
        "accuracy_known_accents": share(right, spoken & ~new_accent),
        "accuracy_new_unknown_words": share(right, new_word),
        "accuracy_per_label": {
            name: share(right, labels == label) for label, name in enumerate(LABELS)
        },
        "accuracy_snr_below_15_db": share(right, spoken & (snr < LOW_SNR_DB)),
        "false_keyword_rate": share(accepted, ~keyword),
        "held_out_clips": int(labels.size),
        "held_out_voices": len(TEST.voices),
        "int8_accuracy": share(right, np.ones_like(right)),
        "training_voices": len(TRAIN.voices),
    }


def main() -> None:
    """Run the held-out clips through the model and write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder used by train.py")
    parser.add_argument("--model", type=Path, required=True, help="the .tflite file")
    parser.add_argument("--out", type=Path, required=True, help="folder for the two files")
    options = parser.parse_args()

    with np.load(options.work / "test.npz") as archive:
        stored = dict(archive)
    model = options.model.read_bytes()
    inputs, outputs = run(model, stored["features"])
    scores = json.loads((options.work / "float_scores.json").read_text())
    metrics = measure(stored, outputs)
    metrics["float_accuracy"] = round(scores["float_accuracy"], 4)
    metrics["model_bytes"] = len(model)
    text = json.dumps(metrics, indent=2, sort_keys=True) + "\n"
    (options.out / "metrics.json").write_text(text)
    print(text, end="")

    chosen = choose_samples(stored["labels"])
    np.savez(
        options.out / "samples.npz",
        inputs=inputs[chosen],
        labels=stored["labels"][chosen],
        outputs=outputs[chosen],
        label_names=np.array(LABELS),
    )


if __name__ == "__main__":
    main()
