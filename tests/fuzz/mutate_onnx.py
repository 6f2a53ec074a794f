"""Deterministic damage to ONNX models: to the bytes, and to the model that they hold."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import onnx

from tests.fuzz.mutate import MUTATIONS, Dice

NUMBERS = (0, 1, 2, 3, -1, -2, 7, 64, 255, 1000, 1 << 16, 1 << 31, (1 << 63) - 1, -(1 << 63))
SCALES = (0.0, -1.0, 1e-45, 1e-30, 1e30, 3.4e38, float("inf"), float("nan"), 0.5)


def _any(items: Any, dice: Dice) -> Any:
    """One of a repeated field."""
    return items[dice.below(len(items))]


def change_number(model: Any, dice: Dice) -> None:
    """An attribute: a size, a stride, an axis, a padding."""
    node = _any(model.graph.node, dice)
    if not node.attribute:
        return
    attribute = _any(node.attribute, dice)
    value = int(dice.pick(NUMBERS)) if dice.below(2) else dice.below(8) - 3
    if attribute.type == onnx.AttributeProto.INT:
        attribute.i = value
    elif attribute.type == onnx.AttributeProto.INTS and attribute.ints:
        attribute.ints[dice.below(len(attribute.ints))] = value
    elif attribute.type == onnx.AttributeProto.FLOAT:
        attribute.f = dice.pick(SCALES)


def drop_attribute(model: Any, dice: Dice) -> None:
    """One attribute is missing, or there twice."""
    node = _any(model.graph.node, dice)
    if node.attribute:
        place = dice.below(len(node.attribute))
        if dice.below(2):
            del node.attribute[place]
        else:
            node.attribute.append(node.attribute[place])


def change_dimension(model: Any, dice: Dice) -> None:
    """A dimension of a constant or of an input."""
    value = int(dice.pick(NUMBERS)) if dice.below(2) else dice.below(12)
    if dice.below(2) and model.graph.initializer:
        tensor = _any(model.graph.initializer, dice)
        if tensor.dims:
            tensor.dims[dice.below(len(tensor.dims))] = value
    else:
        dims = _any(model.graph.input, dice).type.tensor_type.shape.dim
        if dims:
            _any(dims, dice).dim_value = value


def rewire(model: Any, dice: Dice) -> None:
    """A node reads another value: of another shape, of a later node, or none."""
    node = _any(model.graph.node, dice)
    if node.input:
        names = [n for other in model.graph.node for n in (*other.input, *other.output)]
        place = dice.below(len(node.input))
        node.input[place] = "" if dice.below(6) == 0 else names[dice.below(len(names))]


def change_operator(model: Any, dice: Dice) -> None:
    """A node becomes another operator."""
    other = ("Relu", "Conv", "Reshape", "Loop", "Resize", "QuantizeLinear", "NoSuchOperator")
    node = _any(model.graph.node, dice)
    kinds = sorted({n.op_type for n in model.graph.node})
    node.op_type = _any(kinds, dice) if dice.below(2) else _any(other, dice)


def drop_node(model: Any, dice: Dice) -> None:
    """A node is missing, or there twice."""
    place = dice.below(len(model.graph.node))
    if dice.below(2):
        del model.graph.node[place]
    else:
        model.graph.node.append(model.graph.node[place])


def change_type(model: Any, dice: Dice) -> None:
    """Element type of a constant or an input."""
    kind = 1 + dice.below(24)
    if dice.below(2) and model.graph.initializer:
        _any(model.graph.initializer, dice).data_type = kind
    else:
        _any(model.graph.input, dice).type.tensor_type.elem_type = kind


def change_constant(model: Any, dice: Dice) -> None:
    """The first values of a constant: a scale, a shape, a list of axes."""
    if not model.graph.initializer:
        return
    tensor = _any(model.graph.initializer, dice)
    values = np.array(onnx.numpy_helper.to_array(tensor))
    if values.size and values.dtype.kind in "fiu":
        flat = values.reshape(-1)
        number = dice.pick(SCALES) if values.dtype.kind == "f" else dice.pick(NUMBERS)
        with np.errstate(all="ignore"):
            flat[dice.below(min(flat.size, 4))] = np.array(number).astype(values.dtype)
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))


def drop_constant(model: Any, dice: Dice) -> None:
    """A constant becomes an input that is not declared."""
    if model.graph.initializer:
        del model.graph.initializer[dice.below(len(model.graph.initializer))]


def change_opset(model: Any, dice: Dice) -> None:
    """Another version of the operators."""
    _any(model.opset_import, dice).version = (1, 9, 11, 12, 13, 17, 21, 28, 10**6)[dice.below(9)]


STRUCTURAL: tuple[Callable[[Any, Dice], None], ...] = (
    change_number,
    drop_attribute,
    change_dimension,
    rewire,
    change_operator,
    drop_node,
    change_type,
    change_constant,
    drop_constant,
    change_opset,
)


def mutant(seeds: tuple[bytes, ...], index: int) -> bytes:
    """The model file number `index`: two in three are damaged in the model, one in its bytes."""
    dice = Dice(f"onnx mutant {index}")
    data = bytearray(seeds[dice.below(len(seeds))])
    if index % 3 == 0:
        MUTATIONS[index // 3 % len(MUTATIONS)](data, dice)
        return bytes(data)
    model = onnx.load_model_from_string(bytes(data))
    for _ in range(1 + dice.below(2)):
        # What the first change has broken may be beyond the second.
        with suppress(LookupError, OverflowError, TypeError, ValueError):
            STRUCTURAL[dice.below(len(STRUCTURAL))](model, dice)
    result: bytes = model.SerializeToString()
    return result
