"""The committed networks are the ones that were recorded, and the recordings make sense."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.networks import (
    FLOAT_OUTPUTS,
    NETWORKS,
    QUANTISED_OUTPUTS,
    TASKS,
    crc,
    digits,
    network_file,
    recordings,
    samples,
)
from tests.support.patterns import recorded_patterns

RECORDED = {**recordings(FLOAT_OUTPUTS), **recordings(QUANTISED_OUTPUTS)}
MAX_BYTES, MAX_TOTAL = 120_000, 1_200_000


def test_every_file_is_recorded_and_small() -> None:
    files = sorted(NETWORKS.glob("*.onnx"))
    assert [f.stem for f in files] == sorted(RECORDED)
    assert max(f.stat().st_size for f in files) <= MAX_BYTES
    assert sum(f.stat().st_size for f in NETWORKS.iterdir()) <= MAX_TOTAL


@pytest.mark.parametrize("stem", sorted(RECORDED))
def test_file_and_inputs_are_those_recorded(stem: str) -> None:
    recorded = RECORDED[stem]
    assert crc(network_file(stem).read_bytes()) == recorded.crc
    assert len(recorded.inputs) == len(recorded.outputs)


@pytest.mark.parametrize("network", sorted(TASKS))
def test_both_exports_of_a_network_agree(network: str) -> None:
    script, dynamo = (RECORDED[f"{network}_{e}"].outputs for e in ("torchscript", "dynamo"))
    np.testing.assert_allclose(script, dynamo, rtol=1e-4, atol=1e-5)


def test_both_exports_of_every_pattern_agree() -> None:
    patterns = recorded_patterns()
    names = {name.removesuffix("_torchscript").removesuffix("_dynamo") for name in patterns}
    assert len(patterns) == 2 * len(names) >= 150
    for name in names:
        script, dynamo = patterns[f"{name}_torchscript"], patterns[f"{name}_dynamo"]
        assert script.shapes == dynamo.shapes
        for ours, theirs in zip(script.outputs, dynamo.outputs, strict=True):
            for a, b in zip(ours, theirs, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("stem", sorted(recordings(QUANTISED_OUTPUTS)))
def test_quantised_networks_have_learnt_their_task(stem: str) -> None:
    recorded = RECORDED[stem]
    _, labels = samples(recorded.network, recorded.split, len(recorded.outputs))
    if TASKS[recorded.network].segments:
        halfway = 0.5 / recorded.scale + recorded.zero_point
        guess = recorded.outputs > halfway
    else:
        assert len(labels) == 500
        guess = recorded.outputs.argmax(1)
    assert np.mean(guess == labels) >= 0.95


def test_digits_are_whole_and_balanced() -> None:
    data = digits()
    assert data.train.shape == (1348, 1, 8, 8)
    assert data.test.shape == (449, 1, 8, 8)
    assert set(np.unique(data.train)) <= {k / 16 for k in range(17)}
    for labels in (data.train_labels, data.test_labels):
        assert np.bincount(labels).min() >= len(labels) * 0.08
