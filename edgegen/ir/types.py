"""Types of tensors: element type, shape, quantisation."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]


class DType(Enum):
    """Element types that the IR knows; values are numpy's names."""

    INT8 = "int8"
    UINT8 = "uint8"
    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    UINT64 = "uint64"
    FLOAT32 = "float32"
    BOOL = "bool"

    @property
    def numpy(self) -> np.dtype[np.generic]:
        """The numpy element type."""
        return np.dtype(self.value)

    @property
    def bytes(self) -> int:
        """Size of one element in bytes."""
        return self.numpy.itemsize

    @property
    def is_integer(self) -> bool:
        """Whether it is an integer type; bool is none."""
        return self.numpy.kind in "iu"

    @property
    def limits(self) -> tuple[int, int]:
        """Lowest and highest value of an integer type."""
        info = np.iinfo(self.value)
        return int(info.min), int(info.max)


@dataclass(frozen=True)
class QuantParams:
    """Affine quantisation: real = scale * (q - zero_point).

    Attributes:
        scales: one scale (per tensor) or one for each index of `axis` (per channel); float32
            values held exactly as Python floats.
        zero_points: as many as scales.
        axis: the per-channel dimension, or None when per tensor.
        rounds_once: operators that compute such a tensor round once, as ONNX defines its
            quantised operators, and not twice as TFLite's reference kernels do.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int | None = None
    rounds_once: bool = False

    @property
    def per_channel(self) -> bool:
        """Whether there is more than one scale."""
        return self.axis is not None

    @property
    def scale(self) -> float:
        """The scale of a per-tensor quantisation."""
        assert len(self.scales) == 1
        return self.scales[0]

    @property
    def zero_point(self) -> int:
        """The zero point of a per-tensor quantisation."""
        assert len(self.zero_points) == 1
        return self.zero_points[0]


@dataclass(frozen=True)
class TensorType:
    """Element type, shape (row-major, batch first) and quantisation of a tensor."""

    dtype: DType
    shape: tuple[int, ...]
    quant: QuantParams | None = None

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Size in bytes, dense."""
        return self.elements * self.dtype.bytes

    @property
    def scale(self) -> float:
        """Per-tensor scale; the tensor must be quantised per tensor."""
        assert self.quant is not None
        return self.quant.scale

    @property
    def zero_point(self) -> int:
        """Per-tensor zero point; the tensor must be quantised per tensor."""
        assert self.quant is not None
        return self.quant.zero_point

    @property
    def rounds_once(self) -> bool:
        """See `QuantParams.rounds_once`."""
        return self.quant is not None and self.quant.rounds_once

    def __str__(self) -> str:
        dims = ",".join(str(d) for d in self.shape)
        return f"{self.dtype.value}[{dims}]"


class TensorKind(Enum):
    """Where a tensor's bytes come from."""

    INPUT = "input"
    CONSTANT = "constant"
    ACTIVATION = "activation"


@dataclass(frozen=True)
class Tensor:
    """A named value. `data` is read-only and present exactly when the kind is CONSTANT."""

    name: str
    type: TensorType
    kind: TensorKind
    data: Array | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.data is not None:
            self.data.flags.writeable = False

    @property
    def values(self) -> Array:
        """The data of a constant."""
        assert self.data is not None
        return self.data
