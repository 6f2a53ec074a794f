"""Whole models with the oracle's outputs, and where to find the files."""

from __future__ import annotations

import functools
import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.support import data
from tests.support.data import Array
from tests.support.oracle import ORACLE_DIR, write_archive

ROOT = Path(__file__).parents[2]
MODELS_FILE = ORACLE_DIR / "models.npz"
DEMO_MODEL = ROOT / "firmware_examples" / "keyword_spotting" / "keyword_spotting.tflite"
INT8_NETWORKS = ROOT / "tests" / "networks" / "int8"
INT16_NETWORKS = ROOT / "tests" / "networks" / "int16"
REFERENCE_MODELS = ("ad01_int8", "kws_ref_model_int8", "resnet8_int8", "vww_96_int8")
FLOAT_MODELS = (
    "ad01_float32",
    "kws_ref_model_float32",
    "resnet8_float32",
    "vww_96_float32",
)
RANDOM_INPUTS = {"int8": 21, "int16": 13, "float32": 4}


@dataclass(frozen=True, eq=False)
class RecordedModel:
    """A model's outputs on its standard inputs.

    Attributes:
        name: the file's stem.
        blob: the model file; empty when read back.
        outputs: one array for each of `model_inputs`.
        crc: CRC-32 of the file; 0 before it is written.
    """

    name: str
    blob: bytes
    outputs: tuple[Array, ...]
    crc: int = 0


def shared_folder() -> Path:
    """Where the reference models are: EDGEGEN_SHARED, or `shared` beside the checkout."""
    return Path(os.environ.get("EDGEGEN_SHARED", ROOT.parent / "shared"))


def model_files() -> tuple[Path, ...]:
    """The models that are present."""
    folder = shared_folder() / "models"
    names = (*REFERENCE_MODELS, *FLOAT_MODELS)
    paths = [*(folder / f"{n}.tflite" for n in names), DEMO_MODEL, *quantised_files()]
    paths += int16_files()
    return tuple(p for p in paths if p.exists())


def quantised_files() -> tuple[Path, ...]:
    """Networks of ours that edgegen quantised; scripts/quantise_networks.py makes them."""
    return tuple(sorted(INT8_NETWORKS.glob("*_int8.tflite")))


def int16_files() -> tuple[Path, ...]:
    """Networks of ours with int16 activations, made by the same script."""
    return tuple(sorted(INT16_NETWORKS.glob("*_int16.tflite")))


def model_inputs(name: str, shape: Sequence[int], dtype: str = "int8") -> tuple[Array, ...]:
    """The standard inputs of a model: random ones, all lowest, all highest, and the ramp."""
    count = RANDOM_INPUTS[dtype]
    randoms = [data.random(f"model {name}/{i}", shape, dtype) for i in range(count)]
    patterns = [data.constant(kind, "", shape, dtype) for kind in ("low", "high", "ramp")]
    return (*randoms, *patterns)


@functools.cache
def recorded_models() -> Mapping[str, RecordedModel]:
    """All recorded models by name; empty before the first recording."""
    if not MODELS_FILE.exists():
        return {}
    with np.load(MODELS_FILE) as archive:
        index = json.loads(archive["index"].tobytes())
        blocks = {name: archive[name].tobytes() for name in index}
    return {
        name: RecordedModel(
            name,
            b"",
            tuple(np.frombuffer(blocks[name], entry["dtype"]).reshape(-1, *entry["shape"])),
            entry["crc"],
        )
        for name, entry in index.items()
    }


def write_models(path: Path, models: Sequence[RecordedModel]) -> None:
    """Writes recorded models."""
    index = {
        m.name: {
            "shape": list(m.outputs[0].shape),
            "dtype": m.outputs[0].dtype.name,
            "crc": zlib.crc32(m.blob) if m.blob else m.crc,
        }
        for m in models
    }
    members = {"index": json.dumps(index, sort_keys=True).encode()}
    members |= {m.name: b"".join(o.tobytes() for o in m.outputs) for m in models}
    write_archive(path, members)
