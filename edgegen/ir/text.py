"""Prints a graph as text: what `--dump-ir` writes and what tests compare."""

from __future__ import annotations

from dataclasses import fields

from edgegen.ir.graph import Graph, Op
from edgegen.ir.names import short_name
from edgegen.ir.types import Tensor, TensorKind


def quant_text(tensor: Tensor) -> str:
    """Quantisation in short: `{scale, zero point}`, or the channel axis and count."""
    quant = tensor.type.quant
    if quant is None:
        return ""
    if quant.per_channel:
        return f" {{per channel axis {quant.axis}, {len(quant.scales)} scales}}"
    return f" {{{quant.scale:.9g}, {quant.zero_point}}}"


def attributes_text(op: Op) -> str:
    """The attributes that an operator's class adds to the base, as `name=value`; no defaults."""
    base = {f.name for f in fields(Op)}
    return ", ".join(
        f"{f.name}={_value(getattr(op, f.name))}"
        for f in fields(op)
        if f.name not in base and getattr(op, f.name) != f.default
    )


def _value(value: object) -> str:
    return str(value.value) if hasattr(value, "value") else str(value)


def graph_text(graph: Graph) -> str:
    """The whole graph, one line for each input, operator and output."""
    lines = [f"graph {graph.name}"]
    lines += [f"  input  %{_tensor(graph.tensor(n))}" for n in graph.inputs]
    for op in graph.ops:
        reads = ", ".join("none" if n is None else _operand(graph.tensor(n)) for n in op.inputs)
        writes = ", ".join(f"%{_tensor(graph.tensor(n))}" for n in op.outputs)
        attributes = attributes_text(op)
        lines.append(
            f"  {op.origin.index:>3} {writes} = {op.stem}({reads})"
            + (f" [{attributes}]" if attributes else "")
        )
    lines += [f"  output %{short_name(n)}" for n in graph.outputs]
    return "\n".join(lines) + "\n"


def _tensor(tensor: Tensor) -> str:
    return f"{short_name(tensor.name)}: {tensor.type}{quant_text(tensor)}"


def _operand(tensor: Tensor) -> str:
    if tensor.kind is TensorKind.CONSTANT:
        return f"const {short_name(tensor.name)}: {tensor.type}{quant_text(tensor)}"
    return f"%{short_name(tensor.name)}"
