"""Deterministic tensor contents: the same bytes under every numpy version.

Only `PCG64.random_raw` is used: numpy promises the stream of a bit generator, not those of the
distributions built on it.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

RAMP_STEP, RAMP_OFFSET = 37, 11


def raw(key: str, count: int) -> npt.NDArray[np.uint64]:
    """`count` random 64-bit words; another key gives another stream."""
    words = np.random.PCG64(zlib.crc32(key.encode())).random_raw(max(count, 1))
    return np.asarray(words, np.uint64)[:count]


def integers(key: str, shape: Sequence[int], low: int, high: int, dtype: str) -> Array:
    """Uniform integers in [low, high], both ends included."""
    words = raw(key, int(np.prod(shape, dtype=np.int64))) >> np.uint64(11)
    span = np.uint64(high - low + 1)
    return ((words % span).astype(np.int64) + low).astype(dtype).reshape(tuple(shape))


def limits(dtype: str) -> tuple[int, int]:
    """Lowest and highest value; of float32 and bool, a modest range."""
    if dtype == "float32":
        return -4, 4
    if dtype == "bool":
        return 0, 1
    if dtype == "int64":
        return -(2**40), 2**40
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def random(key: str, shape: Sequence[int], dtype: str) -> Array:
    """Values over the whole range of the type."""
    low, high = limits(dtype)
    if dtype == "float32":
        fine = integers(key, shape, low << 16, high << 16, "int64")
        return (fine / 65536.0).astype(np.float32)
    return integers(key, shape, low, high, dtype)


def ramp(shape: Sequence[int], dtype: str, offset: int = RAMP_OFFSET) -> Array:
    """Element i is (37 i + offset) modulo 256, as int8 for signed types."""
    count = np.arange(int(np.prod(shape, dtype=np.int64)))
    low = 0 if dtype in ("uint8", "bool") else 128
    values = (count * RAMP_STEP + offset + low) % 256 - low
    return values.astype(dtype).reshape(tuple(shape))


def constant(kind: str, key: str, shape: Sequence[int], dtype: str) -> Array:
    """Contents of a constant by the generator's name.

    Raises:
        ValueError: there is no such generator.
    """
    low, high = limits(dtype)
    if kind == "random":
        return random(key, shape, dtype)
    if kind == "weights":
        return integers(key, shape, -high, high, dtype)
    if kind == "extreme":
        picks = integers(key, shape, 0, 1, "int64")
        return np.where(picks == 1, high, low).astype(dtype)
    if kind == "bias":
        return integers(key, shape, -3000, 3000, dtype)
    if kind == "large_bias":
        return integers(key, shape, -(2**24), 2**24, dtype)
    fills = {"zeros": 0, "low": low, "high": high}
    if kind in fills:
        return np.full(tuple(shape), fills[kind], dtype)
    if kind == "ramp":
        return ramp(shape, dtype)
    raise ValueError(f"no constant generator is called {kind!r}")


def seeded_scales(key: str, count: int, *, wild: bool) -> tuple[float, ...]:
    """Scales of channels, exact in float32: around 2**-7, or spread over eight powers of ten."""
    words = [int(w) >> 11 for w in raw(key, 2 * count)]
    powers = [w % 28 - 26 if wild else w % 2 - 8 for w in words[:count]]
    return tuple(
        (1.0 + (w % 65536) / 65536.0) * 2.0**p for p, w in zip(powers, words[count:], strict=True)
    )
