"""Train the network in float, quantise it to int8 after training and write the .tflite file.

The network is a depthwise-separable convolutional network (DS-CNN). Its input is the MFCC of one
second, [batch, 49, 10, 1]; its output is one probability for each entry of `corpus.LABELS`.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf  # type: ignore[import-untyped]

from keyword_spotting import features
from keyword_spotting.corpus import LABELS, TEST, TRAIN, VALIDATION, Split

SEED = 20
CHANNELS = 32
BLOCKS = 4
EPOCHS = 24
BATCH = 128
LEARNING_RATE = 2e-3
CALIBRATION_CLIPS = 1000


@dataclass(frozen=True)
class Examples:
    """Inputs of shape [clips, 49, 10, 1], float32, and their labels, [clips]."""

    inputs: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int16]


def load(work: Path, split: Split) -> Examples:
    """Read one split as written by `make_data.py`."""
    with np.load(work / f"{split.name}.npz") as stored:
        return Examples(stored["features"][..., np.newaxis], stored["labels"])


def build_network() -> tf.keras.Model:
    """The DS-CNN: one convolution, then depthwise and pointwise pairs, pooling and a classifier."""
    layers = tf.keras.layers

    def activate(x: tf.Tensor) -> tf.Tensor:
        return layers.ReLU()(layers.BatchNormalization(momentum=0.95)(x))

    inputs = layers.Input((features.FRAMES, features.COEFFICIENTS, 1), name="mfcc")
    x = layers.Conv2D(CHANNELS, (10, 4), strides=2, padding="same", use_bias=False)(inputs)
    x = activate(x)
    for _ in range(BLOCKS):
        x = activate(layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x))
        x = activate(layers.Conv2D(CHANNELS, 1, use_bias=False)(x))
    x = layers.AveragePooling2D(pool_size=x.shape[1:3])(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.1)(x)
    outputs = layers.Dense(len(LABELS), activation="softmax", name="labels")(x)
    return tf.keras.Model(inputs, outputs)


def train(network: tf.keras.Model, examples: Examples, validation: Examples) -> None:
    """Fit the network with a learning rate that falls to zero along half a cosine."""
    steps = EPOCHS * -(-examples.labels.size // BATCH)
    network.compile(
        optimizer=tf.keras.optimizers.Adam(
            tf.keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
        ),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    network.fit(
        examples.inputs,
        examples.labels,
        batch_size=BATCH,
        epochs=EPOCHS,
        validation_data=(validation.inputs, validation.labels),
        verbose=2,
    )


def quantise(network: tf.keras.Model, examples: Examples) -> bytes:
    """Convert to a full-integer int8 model, calibrated on training clips.

    The batch dimension stays unknown, since the converter drops the RESHAPE in front of the
    classifier when it is fixed.
    """
    rng = np.random.default_rng(SEED)
    chosen = rng.choice(examples.labels.size, size=CALIBRATION_CLIPS, replace=False)

    def calibration() -> Iterator[list[npt.NDArray[np.float32]]]:
        for index in chosen:
            yield [examples.inputs[index : index + 1]]

    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = calibration
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    model: bytes = converter.convert()
    return model


def accuracy(network: tf.keras.Model, examples: Examples) -> float:
    """Share of the examples whose most probable label is right."""
    found = network.predict(examples.inputs, batch_size=512, verbose=0).argmax(axis=1)
    return float(np.mean(found == examples.labels))


def main() -> None:
    """Train, report float accuracy, convert."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder written by make_data.py")
    parser.add_argument("--model", type=Path, required=True, help="the .tflite file to write")
    options = parser.parse_args()

    tf.keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    examples, validation = load(options.work, TRAIN), load(options.work, VALIDATION)
    network = build_network()
    network.summary()
    train(network, examples, validation)
    scores = {
        "float_accuracy": accuracy(network, load(options.work, TEST)),
        "float_accuracy_validation": accuracy(network, validation),
    }
    print(scores)
    (options.work / "float_scores.json").write_text(json.dumps(scores))
    options.model.write_bytes(quantise(network, examples))


if __name__ == "__main__":
    main()
