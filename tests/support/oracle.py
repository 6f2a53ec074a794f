"""The recorded outputs of the oracle (TFLite 2.14's reference kernels) for all operator cases.

The file is a zip of an index (JSON) and one block of bytes, with fixed time stamps: recording the
same cases gives the same file.
"""

from __future__ import annotations

import functools
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.data import Array

ORACLE_DIR = Path(__file__).parents[1] / "oracle"
OPS_FILE = ORACLE_DIR / "ops.npz"


@dataclass(frozen=True, eq=False)
class Recording:
    """What the oracle made of one case.

    Attributes:
        digest: of the case as it was recorded.
        refused: why the oracle refused the model; empty when it ran.
        shapes: output shapes, empty when refused.
        outputs: for each input vector one array for each output.
    """

    digest: str
    refused: str
    shapes: tuple[tuple[int, ...], ...]
    outputs: tuple[tuple[Array, ...], ...]


@functools.cache
def recorded() -> Mapping[str, Recording]:
    """All recordings by case id; empty before the first recording."""
    return read_recordings(OPS_FILE)


def read_recordings(path: Path) -> dict[str, Recording]:
    """Reads a file of recordings; one that does not exist holds none."""
    if not path.exists():
        return {}
    with np.load(path) as archive:
        index = json.loads(archive["index"].tobytes())
        block = archive["data"]
    recordings = {}
    position = 0
    for name, entry in index.items():
        outputs: list[tuple[Array, ...]] = []
        for _ in range(entry["vectors"]):
            arrays = []
            for shape, dtype in zip(entry["shapes"], entry["dtypes"], strict=True):
                size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
                content = block[position : position + size].tobytes()
                arrays.append(np.frombuffer(content, dtype).reshape(shape))
                position += size
            outputs.append(tuple(arrays))
        shapes = tuple(tuple(s) for s in entry["shapes"])
        recordings[name] = Recording(entry["digest"], entry["refused"], shapes, tuple(outputs))
    return recordings


def write_recordings(path: Path, recordings: Mapping[str, Recording]) -> None:
    """Writes recordings, sorted by case id."""
    index: dict[str, Any] = {}
    block = []
    for name in sorted(recordings):
        entry = recordings[name]
        index[name] = {
            "digest": entry.digest,
            "refused": entry.refused,
            "shapes": [list(s) for s in entry.shapes],
            "dtypes": [a.dtype.name for a in entry.outputs[0]] if entry.outputs else [],
            "vectors": len(entry.outputs),
        }
        block += [a.tobytes() for vector in entry.outputs for a in vector]
    text = json.dumps(index, separators=(",", ":")).encode()
    write_archive(path, {"index": text, "data": b"".join(block)})


def write_archive(path: Path, members: Mapping[str, bytes]) -> None:
    """Writes byte arrays as an .npz that depends on nothing but them; it appears whole."""
    partial = path.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in members.items():
            member = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.frombuffer(content, np.uint8))
            archive.writestr(member, buffer.getvalue())
    partial.replace(path)
