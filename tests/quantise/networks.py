"""Small float networks built operator by operator, and a few samples for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from edgegen.ir import DType, Graph, Op, Origin, Tensor, TensorKind, TensorType
from edgegen.ir.types import Array
from edgegen.ir.verify import verify
from edgegen.ops.add import Add
from edgegen.ops.average_pool2d import AveragePool2D
from edgegen.ops.concatenation import Concatenation
from edgegen.ops.conv2d import Conv2D
from edgegen.ops.depthwise_conv2d import DepthwiseConv2D
from edgegen.ops.fully_connected import FullyConnected
from edgegen.ops.logistic import Logistic
from edgegen.ops.max_pool2d import MaxPool2D
from edgegen.ops.mul import Mul
from edgegen.ops.relu import Relu
from edgegen.ops.reshape import Reshape
from edgegen.ops.softmax import Softmax

Values = npt.ArrayLike
MakeOp = Callable[[tuple[str, ...], Origin], Op]


class FloatNetwork:
    """A float graph that grows: every method adds an operator and gives its output's name."""

    def __init__(self, seed: int = 1) -> None:
        self.random = np.random.default_rng(seed)
        self.tensors: dict[str, Tensor] = {}
        self.ops: list[Op] = []
        self.inputs: list[str] = []

    def graph(self, *outputs: str) -> Graph:
        graph = Graph("net", self.tensors, tuple(self.ops), tuple(self.inputs), outputs)
        verify(graph)
        return graph

    def input(self, *shape: int) -> str:
        name = f"in{len(self.inputs)}"
        self.inputs.append(name)
        self.tensors[name] = Tensor(name, TensorType(DType.FLOAT32, shape), TensorKind.INPUT)
        return name

    def constant(self, values: Values, dtype: DType = DType.FLOAT32) -> str:
        name = f"const{len(self.tensors)}"
        data = np.array(values, dtype.numpy)
        kind = TensorType(dtype, data.shape)
        self.tensors[name] = Tensor(name, kind, TensorKind.CONSTANT, data)
        return name

    def conv(
        self,
        x: str,
        filters: int,
        size: int = 3,
        activation: str = "RELU",
        weights: Values | None = None,
        bias: Values | None = None,
    ) -> str:
        _, height, width, depth = self.shape(x)
        if weights is None:
            weights = self.random.normal(size=(filters, size, size, depth)) / (size * depth**0.5)
        if bias is None:
            bias = self.random.normal(size=filters) / 4
        names = (x, self.constant(weights), self.constant(bias))
        pair = (1, 1), (1, 1)
        return self._add(
            (1, height, width, filters),
            lambda out, o: Conv2D(names, out, o, *pair, "SAME", activation),
        )

    def depthwise(self, x: str, activation: str = "RELU", weights: Values | None = None) -> str:
        shape = self.shape(x)
        if weights is None:
            weights = self.random.normal(size=(1, 3, 3, shape[3])) / 3
        bias = self.random.normal(size=shape[3]) / 4
        names = (x, self.constant(weights), self.constant(bias))
        pair = (1, 1), (1, 1)
        return self._add(
            shape, lambda out, o: DepthwiseConv2D(names, out, o, *pair, "SAME", activation)
        )

    def dense(self, x: str, units: int, activation: str = "NONE") -> str:
        depth = int(np.prod(self.shape(x)))
        weights = self.random.normal(size=(units, depth)) / depth**0.5
        names = (x, self.constant(weights), self.constant(self.random.normal(size=units) / 4))
        return self._add(
            (1, units), lambda out, o: FullyConnected(names, out, o, False, activation)
        )

    def scale(self, x: str, factors: Values, activation: str = "NONE") -> str:
        names = (x, self.constant(factors))
        return self._add(self.shape(x), lambda out, o: Mul(names, out, o, activation))

    def offset(self, x: str, terms: Values, activation: str = "NONE") -> str:
        names = (x, self.constant(terms))
        return self._add(self.shape(x), lambda out, o: Add(names, out, o, activation))

    def add(self, a: str, b: str) -> str:
        return self._add(self.shape(a), lambda out, o: Add((a, b), out, o, "NONE"))

    def product(self, a: str, b: str) -> str:
        return self._add(self.shape(a), lambda out, o: Mul((a, b), out, o, "NONE"))

    def relu(self, x: str, kind: str = "RELU") -> str:
        return self._add(self.shape(x), lambda out, o: Relu((x,), out, o, kind))

    def logistic(self, x: str) -> str:
        return self._add(self.shape(x), lambda out, o: Logistic((x,), out, o))

    def softmax(self, x: str) -> str:
        return self._add(self.shape(x), lambda out, o: Softmax((x,), out, o, 1.0))

    def max_pool(self, x: str) -> str:
        _, height, width, depth = self.shape(x)
        return self._add(
            (1, height // 2, width // 2, depth),
            lambda out, o: MaxPool2D((x,), out, o, (2, 2), (2, 2), "VALID", "NONE"),
        )

    def average_pool(self, x: str, size: int) -> str:
        _, height, width, depth = self.shape(x)
        pair = (size, size)
        return self._add(
            (1, height // size, width // size, depth),
            lambda out, o: AveragePool2D((x,), out, o, pair, pair, "VALID", "NONE"),
        )

    def flatten(self, x: str) -> str:
        size = int(np.prod(self.shape(x)))
        return self._add((1, size), lambda out, o: Reshape((x,), out, o, (1, size)))

    def concat(self, *parts: str) -> str:
        shapes = [self.shape(p) for p in parts]
        return self._add(
            (*shapes[0][:3], sum(s[3] for s in shapes)),
            lambda out, o: Concatenation(parts, out, o, 3, "NONE"),
        )

    def shape(self, name: str) -> tuple[int, ...]:
        return self.tensors[name].type.shape

    def _add(self, shape: Sequence[int], make: MakeOp) -> str:
        name = f"t{len(self.ops)}"
        kind = TensorType(DType.FLOAT32, tuple(shape))
        self.tensors[name] = Tensor(name, kind, TensorKind.ACTIVATION)
        self.ops.append(make((name,), Origin(len(self.ops), "OP")))
        return name


def samples(graph: Graph, count: int, seed: int = 7) -> list[dict[str, Array]]:
    """Normally distributed inputs."""
    random = np.random.default_rng(seed)
    return [
        {n: random.normal(size=graph.tensor(n).type.shape).astype(np.float32) for n in graph.inputs}
        for _ in range(count)
    ]


def small_cnn(seed: int = 1) -> Graph:
    """Convolutions, a residual, pools, a dense layer and softmax."""
    net = FloatNetwork(seed)
    x = net.input(1, 8, 8, 3)
    a = net.conv(x, 8)
    b = net.conv(net.depthwise(a), 8, 1, "NONE")
    c = net.max_pool(net.relu(net.add(a, b)))
    d = net.flatten(net.average_pool(net.conv(c, 12), 4))
    return net.graph(net.softmax(net.dense(d, 5)))


def forks(seed: int = 2) -> Graph:
    """Concatenations of unlike ranges, fixed scales in the middle, products, constants."""
    net = FloatNetwork(seed)
    x = net.input(1, 8, 8, 3)
    a = net.conv(x, 6, activation="RELU6")
    gate = net.logistic(net.conv(a, 6, 1, "NONE"))
    b = net.product(a, gate)
    wide = net.scale(net.conv(b, 4), [25.0] * 4)
    both = net.concat(b, wide, gate)
    c = net.max_pool(net.conv(both, 8, activation="NONE"))
    d = net.concat(net.average_pool(c, 2), net.max_pool(net.relu(c)))
    return net.graph(net.softmax(net.dense(net.flatten(d), 7)))
