"""Arrays from files: forms, and damaged files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from edgegen.errors import InputError
from edgegen.verify.arrays import read_arrays

VALUES = np.arange(60, dtype=np.float32).reshape(5, 12)


def test_a_folder_is_stacked_in_the_order_of_names(tmp_path: Path) -> None:
    for i in (2, 0, 1):
        np.savez(tmp_path / f"{i}.npz", a=VALUES[i], b=np.int64(i))
    found = read_arrays(tmp_path)
    np.testing.assert_array_equal(found["a"], VALUES[:3])
    np.testing.assert_array_equal(found["b"], [0, 1, 2])


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no \.npy or \.npz file"):
        read_arrays(tmp_path)


def test_pickles_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "object.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(InputError, match="allow_pickle=False"):
        read_arrays(tmp_path / "object.npy")


@pytest.mark.parametrize("form", ["npy", "npz", "compressed"])
def test_damaged_files_are_refused_or_read(form: str, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    if form == "npy":
        np.save(buffer, VALUES)
    else:
        save = np.savez if form == "npz" else np.savez_compressed
        save(buffer, inputs=VALUES, labels=np.arange(5))
    content = np.frombuffer(buffer.getvalue(), np.uint8)
    random = np.random.default_rng(1)
    path = tmp_path / "damaged"
    refused = 0
    for _ in range(400):
        damaged = content.copy()
        for _ in range(int(random.integers(1, 5))):
            damaged[random.integers(len(damaged))] = random.integers(256)
        cut = len(damaged) if random.random() < 0.8 else int(random.integers(len(damaged)))
        path.write_bytes(damaged[:cut].tobytes())
        try:
            read_arrays(path)
        except InputError:
            refused += 1
    assert refused > 50
