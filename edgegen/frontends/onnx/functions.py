"""Operators without a rule of their own become what ONNX itself defines them by."""

from __future__ import annotations

import importlib
from typing import Any

from edgegen.errors import Problem, UnsupportedError
from edgegen.frontends.onnx.general import general_operators
from edgegen.frontends.onnx.load import MAX_NODES, onnx_package, opset_of
from edgegen.frontends.onnx.lower import lowered_operators
from edgegen.frontends.onnx.qoperator import QOPERATORS
from edgegen.frontends.onnx.settle import FOLDABLE

MAX_ROUNDS = 8
"""Functions are made of functions, but not this deep."""

_REFUSALS = (RuntimeError, ValueError, TypeError)
"""What ONNX's own functions raise on models that they cannot work with."""

OWN = frozenset(("Constant", "Shape", "Size", "If", "Loop", "Scan"))
"""Operators that `settle` knows itself."""


def claimed_operators() -> frozenset[str]:
    """ONNX operators that are understood without their definition."""
    known = (*lowered_operators(), *general_operators(), *QOPERATORS)
    return frozenset(known) | FOLDABLE | OWN


def defined_operators() -> tuple[str, ...]:
    """Operators that ONNX defines by others and that have no rule of their own."""
    schemas = onnx_package().defs.get_all_schemas()
    return tuple(
        sorted(
            schema.name
            for schema in schemas
            if not schema.domain
            and (schema.has_function or schema.has_context_dependent_function)
            and schema.name not in claimed_operators()
        )
    )


def expanded(message: Any) -> Any:
    """The model with the bodies of ONNX's functions in place of operators that have no rule.

    Args:
        message: a checked ModelProto.

    Raises:
        UnsupportedError: the result is too large, or ONNX cannot expand a function.
    """
    onnx = onnx_package()
    for _ in range(MAX_ROUNDS):
        names = _functions(message)
        if not names:
            break
        inliner = importlib.import_module("onnx.inliner")
        try:
            message = inliner.inline_selected_functions(
                _prepared(message, names),
                [("", name) for name in names],
                inline_schema_functions=True,
            )
        except (onnx.shape_inference.InferenceError, *_REFUSALS) as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            raise UnsupportedError(
                Problem(f"{', '.join(names)} cannot be expanded", why="; ".join(lines[:2]))
            ) from error
        if len(message.graph.node) > MAX_NODES:
            raise UnsupportedError(
                f"the model has more than {MAX_NODES} operators, functions expanded"
            )
    return message


def _prepared(message: Any, names: list[str]) -> Any:
    """The model with what expanding needs: types of all values, and attributes' defaults."""
    onnx = onnx_package()
    inference = importlib.import_module("onnx.shape_inference")
    message = inference.infer_shapes(message, data_prop=True)
    typed = {v.name for v in (*message.graph.input, *message.graph.value_info)}
    message.graph.value_info.extend(
        onnx.helper.make_tensor_value_info(t.name, t.data_type, list(t.dims))
        for t in message.graph.initializer
        if t.name not in typed
    )
    for node in message.graph.node:
        if node.op_type in names and node.domain in ("", "ai.onnx"):
            known = {a.name for a in node.attribute}
            schema = onnx.defs.get_schema(node.op_type, opset_of(message), "")
            for name, attribute in schema.attributes.items():
                if name not in known and attribute.default_value.name:
                    node.attribute.append(attribute.default_value)
    return message


def _functions(message: Any) -> list[str]:
    """Operators of the graph that have no rule but a definition, sorted."""
    defs, claimed = onnx_package().defs, claimed_operators()
    found = set()
    for name in {n.op_type for n in message.graph.node if n.domain in ("", "ai.onnx")} - claimed:
        try:
            schema = defs.get_schema(name, opset_of(message), "")
        except defs.SchemaError:
            continue
        if schema.has_function or schema.has_context_dependent_function:
            found.add(name)
    return sorted(found)
