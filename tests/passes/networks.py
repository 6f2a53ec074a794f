"""Small graphs built operator by operator, for tests of passes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgegen.ir import DType, Graph, Op, OpIO, Origin, QuantParams, Tensor, TensorKind, TensorType
from edgegen.ir.types import Array
from edgegen.ir.verify import verify
from edgegen.ops.add import Add
from edgegen.ops.average_pool2d import AveragePool2D
from edgegen.ops.concatenation import Concatenation
from edgegen.ops.conv2d import Conv2D
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.ops.fully_connected import FullyConnected
from edgegen.ops.logistic import OUTPUT_SCALE, Logistic
from edgegen.ops.max_pool2d import MaxPool2D
from edgegen.ops.mean import Mean
from edgegen.ops.mul import Mul
from edgegen.ops.pad import Pad
from edgegen.ops.quantize import Quantize
from edgegen.ops.relu import Relu
from edgegen.ops.reshape import Reshape
from edgegen.ops.softmax import Softmax
from edgegen.ops.squeeze import Squeeze
from edgegen.ops.transpose import Transpose
from edgegen.ops.window import Window
from edgegen.verify.reference import ramp

SCALE = 0.0625
WEIGHT_SCALE = 0.015625

Ints = npt.ArrayLike


class Network:
    """A graph that grows: every method adds an operator and gives its output's name.

    Activations have the scale `SCALE` and the network's zero point unless told otherwise.
    """

    def __init__(self, zero_point: int = 0) -> None:
        self.zero_point = zero_point
        self.tensors: dict[str, Tensor] = {}
        self.ops: list[Op] = []
        self.inputs: list[str] = []

    def graph(self, *outputs: str, verified: bool = True) -> Graph:
        """The graph, checked unless a test needs one that front ends would refuse."""
        graph = Graph("net", self.tensors, tuple(self.ops), tuple(self.inputs), outputs)
        if verified:
            verify(graph)
        return graph

    def shape(self, name: str) -> tuple[int, ...]:
        return self.tensors[name].type.shape

    def input(self, *shape: int, name: str = "x") -> str:
        self.inputs.append(name)
        return self._tensor(name, shape, TensorKind.INPUT)

    def constant(self, name: str, values: Ints) -> str:
        """An int8 constant with the quantisation of activations."""
        data = np.asarray(values, np.int8)
        kind = TensorType(DType.INT8, data.shape, QuantParams((SCALE,), (self.zero_point,)))
        return self._constant(name, kind, data)

    def conv(
        self,
        x: str,
        weights: Ints,
        bias: Ints | None = None,
        *,
        name: str | None = None,
        stride: int = 1,
        dilation: int = 1,
        padding: str = "SAME",
        activation: str = "RELU",
        scales: Sequence[float] | None = None,
        zero_point: int | None = None,
    ) -> str:
        """Convolution; weights [out, high, wide, in / groups]."""
        data = np.asarray(weights, np.int8)
        name = self._name(name)
        pair = (stride, stride), (dilation, dilation)
        height, width = self._windowed(x, data.shape[1:3], stride, dilation, padding)
        inputs = (x, *self._weights(name, data, bias, 0, scales))
        self._tensor(name, (1, height, width, data.shape[0]), zero_point=zero_point)
        self.ops.append(
            Conv2D(inputs, (name,), self._origin("CONV_2D"), *pair, padding, activation)
        )
        return name

    def depthwise(
        self,
        x: str,
        weights: Ints,
        bias: Ints | None = None,
        *,
        name: str | None = None,
        stride: int = 1,
        padding: str = "SAME",
        activation: str = "RELU",
    ) -> str:
        """Depthwise convolution; weights [high, wide, out]."""
        data = np.asarray(weights, np.int8)[np.newaxis]
        name = self._name(name)
        height, width = self._windowed(x, data.shape[1:3], stride, 1, padding)
        inputs = (x, *self._weights(name, data, bias, 3, None))
        self._tensor(name, (1, height, width, data.shape[3]))
        origin = self._origin("DEPTHWISE_CONV_2D")
        self.ops.append(
            DepthwiseConv2D(inputs, (name,), origin, (stride, stride), (1, 1), padding, activation)
        )
        return name

    def dense(
        self,
        x: str,
        weights: Ints,
        bias: Ints | None = None,
        *,
        name: str | None = None,
        activation: str = "NONE",
    ) -> str:
        """Fully connected layer; weights [units, depth]."""
        data = np.asarray(weights, np.int8)
        name = self._name(name)
        inputs = (x, *self._weights(name, data, bias, 0, None))
        rows = self.tensors[x].type.elements // data.shape[1]
        self._tensor(name, (rows, data.shape[0]))
        origin = self._origin("FULLY_CONNECTED")
        self.ops.append(FullyConnected(inputs, (name,), origin, False, activation))
        return name

    def add(self, a: str, b: str, activation: str = "NONE") -> str:
        return self._binary(Add, a, b, activation)

    def mul(self, a: str, b: str, activation: str = "NONE") -> str:
        return self._binary(Mul, a, b, activation)

    def relu(self, x: str, zero_point: int | None = None) -> str:
        name = self._tensor(self._name(), self.shape(x), zero_point=zero_point)
        self.ops.append(Relu((x,), (name,), self._origin("RELU"), "RELU"))
        return name

    def quantize(self, x: str, scale: float, zero_point: int) -> str:
        name = self._tensor(self._name(), self.shape(x), scale=scale, zero_point=zero_point)
        self.ops.append(Quantize((x,), (name,), self._origin("QUANTIZE")))
        return name

    def logistic(self, x: str) -> str:
        name = self._tensor(self._name(), self.shape(x), scale=OUTPUT_SCALE, zero_point=-128)
        self.ops.append(Logistic((x,), (name,), self._origin("LOGISTIC")))
        return name

    def softmax(self, x: str) -> str:
        name = self._tensor(self._name(), self.shape(x), scale=OUTPUT_SCALE, zero_point=-128)
        self.ops.append(Softmax((x,), (name,), self._origin("SOFTMAX"), 1.0))
        return name

    def pool(
        self,
        x: str,
        size: tuple[int, int],
        *,
        name: str | None = None,
        stride: int = 1,
        padding: str = "VALID",
        largest: bool = False,
    ) -> str:
        name = self._name(name)
        height, width = self._windowed(x, size, stride, 1, padding)
        self._tensor(name, (1, height, width, self.shape(x)[3]), like=x)
        cls, origin = (
            (MaxPool2D, self._origin("MAX_POOL_2D"))
            if largest
            else (AveragePool2D, self._origin("AVERAGE_POOL_2D"))
        )
        self.ops.append(cls((x,), (name,), origin, size, (stride, stride), padding, "NONE"))
        return name

    def mean(self, x: str, *axes: int, keep: bool = False) -> str:
        name = self._name()
        kept = [1 if i in axes else d for i, d in enumerate(self.shape(x)) if keep or i not in axes]
        self._tensor(name, kept)
        which = self._integers(f"{name}/axes", axes)
        self.ops.append(Mean((x, which), (name,), self._origin("MEAN"), keep))
        return name

    def pad(self, x: str, *amounts: tuple[int, int], fill: int | None = None) -> str:
        name = self._name()
        shape = [d + sum(a) for d, a in zip(self.shape(x), amounts, strict=True)]
        self._tensor(name, shape, like=x)
        inputs = [x, self._integers(f"{name}/amounts", amounts)]
        if fill is not None:
            kind = TensorType(DType.INT8, (), self.tensors[x].type.quant)
            inputs.append(self._constant(f"{name}/fill", kind, np.array(fill, np.int8)))
        self.ops.append(Pad(tuple(inputs), (name,), self._origin("PAD")))
        return name

    def concat(self, *parts: str, axis: int = -1) -> str:
        shapes = [list(self.shape(p)) for p in parts]
        shape = shapes[0]
        shape[axis] = sum(s[axis] for s in shapes)
        name = self._tensor(self._name(), shape, like=parts[0])
        origin = self._origin("CONCATENATION")
        self.ops.append(Concatenation(parts, (name,), origin, axis, "NONE"))
        return name

    def reshape(self, x: str, *shape: int, name: str | None = None, tensor: bool = False) -> str:
        """Reshape, with the shape as an option or as a second input; -1 as in the model."""
        name = self._name(name)
        inputs = (x, self._integers(f"{name}/shape", shape)) if tensor else (x,)
        op = Reshape(inputs, (name,), self._origin("RESHAPE"), () if tensor else shape)
        io = OpIO(tuple(self.tensors[n] for n in inputs), ())
        target = op.target(io)
        assert isinstance(target, tuple)
        self._tensor(name, target, like=x)
        self.ops.append(op)
        return name

    def squeeze(self, x: str, *dims: int) -> str:
        shape = self.shape(x)
        gone = dims or [i for i, d in enumerate(shape) if d == 1]
        name = self._name()
        self._tensor(name, [d for i, d in enumerate(shape) if i not in gone], like=x)
        self.ops.append(Squeeze((x,), (name,), self._origin("SQUEEZE"), dims))
        return name

    def transpose(self, x: str, *axes: int) -> str:
        name = self._tensor(self._name(), [self.shape(x)[a] for a in axes], like=x)
        order = self._integers(f"{name}/axes", axes)
        self.ops.append(Transpose((x, order), (name,), self._origin("TRANSPOSE")))
        return name

    def _binary(self, cls: type[Add] | type[Mul], a: str, b: str, activation: str) -> str:
        name = self._name()
        self._tensor(name, np.broadcast_shapes(self.shape(a), self.shape(b)))
        self.ops.append(cls((a, b), (name,), self._origin(cls.stem.upper()), activation))
        return name

    def _name(self, name: str | None = None) -> str:
        return name or f"t{len(self.ops)}"

    def _origin(self, kind: str) -> Origin:
        return Origin(len(self.ops), kind)

    def _windowed(
        self, x: str, size: Sequence[int], stride: int, dilation: int, padding: str
    ) -> tuple[int, int]:
        high, wide = (Window(taps, stride, dilation, padding) for taps in size)
        _, height, width, _ = self.shape(x)
        return high.outputs(height), wide.outputs(width)

    def _tensor(
        self,
        name: str,
        shape: Iterable[int],
        kind: TensorKind = TensorKind.ACTIVATION,
        *,
        scale: float = SCALE,
        zero_point: int | None = None,
        like: str | None = None,
    ) -> str:
        point = self.zero_point if zero_point is None else zero_point
        quant = QuantParams((scale,), (point,))
        if like is not None:
            quant = self.tensors[like].type.quant or quant
        self.tensors[name] = Tensor(name, TensorType(DType.INT8, tuple(shape), quant), kind)
        return name

    def _constant(self, name: str, kind: TensorType, data: Array) -> str:
        self.tensors[name] = Tensor(name, kind, TensorKind.CONSTANT, data)
        return name

    def _integers(self, name: str, values: Any) -> str:
        data = np.asarray(values, np.int32)
        return self._constant(name, TensorType(DType.INT32, data.shape), data)

    def _weights(
        self,
        name: str,
        data: Array,
        bias: Ints | None,
        axis: int,
        scales: Sequence[float] | None,
    ) -> list[str]:
        """Adds weights, per tensor or with `scales` per channel, and a bias if there is one."""
        per_channel = QuantParams(tuple(scales), (0,) * len(scales), axis) if scales else None
        quant = per_channel or QuantParams((WEIGHT_SCALE,), (0,))
        kind = TensorType(DType.INT8, data.shape, quant)
        names = [self._constant(f"{name}/weights", kind, data)]
        if bias is not None:
            names.append(self._integers(f"{name}/bias", bias))
        return names


def feeds(graph: Graph, seed: int = 0, randoms: int = 3) -> list[dict[str, Array]]:
    """Inputs: random ones, both extremes, and the ramp."""
    rng = np.random.default_rng(seed)
    kinds = {n: graph.tensor(n).type for n in graph.inputs}
    rows: list[dict[str, Array]] = [
        {n: rng.integers(-128, 128, k.shape).astype(np.int8) for n, k in kinds.items()}
        for _ in range(randoms)
    ]
    rows += [{n: np.full(k.shape, v, np.int8) for n, k in kinds.items()} for v in (-128, 127)]
    rows.append({n: ramp(k) for n, k in kinds.items()})
    return rows
