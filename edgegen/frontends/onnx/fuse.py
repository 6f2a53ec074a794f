"""Rewrites of float semantics: what exporters write as several operators becomes one.

Rules, in the order they run:
1. Gemm, and MatMul with a constant matrix, become `Dense` with weights [units, depth].
2. BatchNormalization goes into the convolution or Dense before it, else becomes Mul and Add.
3. Adding a constant to each channel of a Dense without bias becomes its bias.
4. x * HardSigmoid(x) and the longer spellings of it become HardSwish.
5. Relu and Clip become the activation of what they read, where TFLite can fuse them.

A value that is read elsewhere, or is an output of the graph, keeps its own operator.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgegen.frontends.onnx.matching import Uses, clip_bounds, real_constant
from edgegen.frontends.onnx.model import Array, Editor, Model, Node, Value
from edgegen.frontends.onnx.swish import hard_swish

FUSING = frozenset({"Conv", "Dense", "Add", "Sub", "Mul"})
"""Operators that may carry an activation."""


def fuse(model: Model) -> Model:
    """The model after all rules."""
    for rule in (dense, batch_norm, dense_bias, hard_swish, activations):
        model = rule(model)
    return model


def dense(model: Model) -> Model:
    """Rule 1."""
    editor = Editor(model)
    for node in model.nodes:
        if node.domain or node.op not in ("Gemm", "MatMul"):
            editor.add(node)
            continue
        weights = model.value(node.inputs[1])
        plain = node.op == "MatMul" or not node.integer("transA", 0)
        if weights.data is None or weights.rank != 2 or not plain:
            editor.add(node)
            continue
        _dense(node, model, editor)
    return editor.model()


def _dense(node: Node, model: Model, editor: Editor) -> None:
    weights = model.value(node.inputs[1])
    assert weights.data is not None
    alpha, beta = node.number("alpha", 1.0), node.number("beta", 1.0)
    matrix = weights.data if node.integer("transB", 0) else weights.data.T
    quant = weights.quant
    if quant is not None and quant.axis is not None and not node.integer("transB", 0):
        quant = replace(quant, axis=1 - quant.axis)
    bias = node.input(2)
    units = matrix.shape[0]
    if alpha != 1.0:
        if quant is None:
            matrix = (matrix * np.float32(alpha)).astype(np.float32)
        else:
            quant = replace(quant, scales=tuple(float(np.float32(s * alpha)) for s in quant.scales))
    name = editor.constant(node.inputs[1], np.ascontiguousarray(matrix), quant)
    inputs = [node.inputs[0], name]
    fits = (
        bool(bias)
        and _per_unit(model.value(bias), units)
        and (beta == 1.0 or real_constant(model.value(bias)) is not None)
    )
    if fits:
        inputs.append(_unit_bias(bias, units, beta, model, editor))
    if not bias or fits:
        editor.add(replace(node, op="Dense", inputs=tuple(inputs), attributes={}))
        return
    product = editor.fresh(f"{node.outputs[0]}_product")
    editor.values[product] = editor.values[node.outputs[0]]
    editor.add(replace(node, op="Dense", inputs=tuple(inputs), outputs=(product,), attributes={}))
    if beta != 1.0:
        scaled = editor.fresh(f"{bias}_scaled")
        editor.values[scaled] = editor.values[bias]
        factor = editor.constant("beta", np.array(beta, np.float32))
        editor.add(replace(node, op="Mul", inputs=(bias, factor), outputs=(scaled,), attributes={}))
        bias = scaled
    editor.add(replace(node, op="Add", inputs=(product, bias), attributes={}))


def _per_unit(value: Value, units: int) -> bool:
    """Whether a constant holds one number for each unit, or one for all."""
    if value.data is None or value.data.size not in (1, units):
        return False
    return value.data.size == 1 or value.shape[-1] == units


def _unit_bias(name: str, units: int, beta: float, model: Model, editor: Editor) -> str:
    value = model.value(name)
    assert value.data is not None
    data = np.broadcast_to(value.data.ravel(), (units,))
    quant = value.quant
    if quant is not None and quant.axis is not None:
        quant = replace(quant, axis=0)
    if beta != 1.0:
        data = (data * np.float32(beta)).astype(np.float32)
    return editor.constant(name, np.ascontiguousarray(data), quant)


def batch_norm(model: Model) -> Model:
    """Rule 2."""
    editor, uses = Editor(model), Uses(model)
    for node in model.nodes:
        if node.op != "BatchNormalization" or node.domain or any(node.outputs[1:]):
            editor.add(node)
            continue
        parts = [real_constant(model.value(n)) for n in node.inputs[1:5]]
        if len(parts) != 4 or any(p is None for p in parts):
            editor.add(node)
            continue
        gamma, beta, mean, variance = (np.asarray(p, np.float64) for p in parts)
        factor = gamma / np.sqrt(variance + node.number("epsilon", 1e-5))
        offset = beta - mean * factor
        before = uses.only(node.inputs[0], {"Conv", "Dense"})
        weights = None if before is None else real_constant(model.value(before.inputs[1]))
        bias_ok = before is not None and (
            not before.input(2) or real_constant(model.value(before.input(2))) is not None
        )
        if before is None or weights is None or not bias_ok:
            _scale_and_shift(node, factor, offset, editor)
            continue
        made = editor.producer(before.outputs[0])
        new = _scaled_weights(made, weights, factor, offset, model, editor)
        editor.change(before.outputs[0], replace(new, outputs=node.outputs))
    return editor.model()


def _scale_and_shift(node: Node, factor: Array, offset: Array, editor: Editor) -> None:
    value = editor.values[node.inputs[0]]
    shape = (-1,) + (1,) * max(value.rank - 2, 0)
    middle = editor.fresh(f"{node.outputs[0]}_scaled")
    editor.values[middle] = editor.values[node.outputs[0]]
    a = editor.constant(node.inputs[1], factor.astype(np.float32).reshape(shape))
    b = editor.constant(node.inputs[2], offset.astype(np.float32).reshape(shape))
    plain = replace(node, attributes={})
    editor.add(replace(plain, op="Mul", inputs=(node.inputs[0], a), outputs=(middle,)))
    editor.add(replace(plain, op="Add", inputs=(middle, b)))


def _scaled_weights(
    node: Node, weights: Array, factor: Array, offset: Array, model: Model, editor: Editor
) -> Node:
    """The node with weights and bias multiplied by `factor`, and `offset` added to the bias."""
    axes = (-1,) + (1,) * (weights.ndim - 1)
    scaled = (weights.astype(np.float64) * factor.reshape(axes)).astype(np.float32)
    bias = offset
    if node.input(2):
        known = real_constant(model.value(node.input(2)))
        assert known is not None
        bias = offset + known.astype(np.float64).ravel() * factor
    names = (
        editor.constant(node.inputs[1], scaled),
        editor.constant(f"{node.inputs[1]}_bias", bias.astype(np.float32)),
    )
    return replace(node, inputs=(node.inputs[0], *names))


def dense_bias(model: Model) -> Model:
    """Rule 3."""
    editor, uses = Editor(model), Uses(model)
    for node in model.nodes:
        found = _bias_addition(node, model, uses) if node.op == "Add" and not node.domain else None
        if found is None:
            editor.add(node)
            continue
        before, bias = found
        units = model.value(before.inputs[1]).shape[0]
        name = _unit_bias(bias, units, 1.0, model, editor)
        made = editor.producer(before.outputs[0])
        inputs = (*made.inputs[:2], name)
        editor.change(before.outputs[0], replace(made, inputs=inputs, outputs=node.outputs))
    return editor.model()


def _bias_addition(node: Node, model: Model, uses: Uses) -> tuple[Node, str] | None:
    for a, b in (node.inputs, node.inputs[::-1]):
        before = uses.only(a, {"Dense"})
        if before is None or before.input(2):
            continue
        value = model.value(b)
        units = model.value(before.inputs[1]).shape[0]
        if value.quant is None and _per_unit(value, units) and value.rank <= model.value(a).rank:
            return before, b
    return None


ACTIVATIONS = {
    (0.0, float("inf")): "RELU",
    (0.0, 6.0): "RELU6",
    (-1.0, 1.0): "RELU_N1_TO_1",
}
"""Clamps that TFLite fuses, by their bounds."""


def activations(model: Model) -> Model:
    """Rule 5."""
    editor, uses = Editor(model), Uses(model)
    for node in model.nodes:
        name = None
        if not node.domain and node.op in ("Relu", "Clip"):
            bounds = clip_bounds(node, model)
            name = ACTIVATIONS.get(bounds) if bounds is not None else None
        before = uses.only(node.inputs[0], FUSING) if name else None
        if before is None or before.activation != "NONE" or name is None:
            editor.add(node)
            continue
        made = editor.producer(before.outputs[0])
        changed = replace(made, outputs=node.outputs, activation=name)
        editor.change(before.outputs[0], changed)
    return editor.model()
