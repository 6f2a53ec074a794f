"""From a neutral `RawGraph` to a typed, verified `Graph`: every unsupported operator at once."""

from __future__ import annotations

import difflib
from dataclasses import replace

from edgegen.errors import EdgegenError, ModelError, Problem, UnsupportedError
from edgegen.ir import Graph, Op, OpIO, Origin, Tensor, TensorKind
from edgegen.ir.graph import place
from edgegen.ir.raw import RawGraph, RawNode
from edgegen.ir.verify import verify
from edgegen.ops import operator_for, supported_sources

_HINTS = {
    "CUSTOM": "custom operators have no definition in the file; replace it before converting",
    "WHILE": "unroll the recurrent layer (unroll=True) before converting",
    "SHAPE": "convert with a fixed batch so that shapes are folded",
    "TRANSPOSE": "export the model in NHWC order so that no transpose is left",
}


def build(raw: RawGraph, name: str) -> Graph:
    """Parses every operator and checks the whole graph.

    Raises:
        UnsupportedError: listing every operator and attribute that is not supported.
        ModelError: listing every inconsistency.
    """
    tensors = {t.name: _tensor(t.name, raw) for t in raw.tensors.values()}
    ops: list[Op] = []
    unsupported: list[Problem] = []
    missing: list[Problem] = []
    for node in raw.nodes:
        names = [n for n in (*node.inputs, *node.outputs) if n is not None]
        absent = [n for n in names if n not in tensors]
        if absent:
            missing.append(Problem(f"reads or writes unknown tensors {absent}", f"op {node.index}"))
            continue
        origin = Origin(
            node.index if node.place is None else node.place,
            node.source or node.type,
            node.version,
        )
        io = OpIO(
            tuple(None if n is None else tensors[n] for n in node.inputs),
            tuple(tensors[n] for n in node.outputs),
        )
        try:
            ops.append(_parse(node, origin))
        except EdgegenError as error:
            unsupported += [replace(p, where=place(origin, io)) for p in error.problems]
    if unsupported:
        raise UnsupportedError(unsupported)
    if missing:
        raise ModelError(missing)
    if not raw.outputs:
        raise ModelError("the model has no outputs")
    graph = Graph(name, tensors, tuple(ops), raw.inputs, raw.outputs, layouts=raw.layouts)
    verify(graph)
    return graph


def _tensor(name: str, raw: RawGraph) -> Tensor:
    source = raw.tensors[name]
    if source.data is not None:
        kind = TensorKind.CONSTANT
    elif name in raw.inputs:
        kind = TensorKind.INPUT
    else:
        kind = TensorKind.ACTIVATION
    return Tensor(name, source.type, kind, source.data)


def _parse(node: RawNode, origin: Origin) -> Op:
    cls = operator_for(node.type)
    if cls is not None:
        return cls.parse(node, origin)
    # Names in lower case are the IR's own, which no model file uses.
    known = [s for s in supported_sources() if not s.islower()]
    hint = _HINTS.get(node.type.split(" ")[0], "")
    if not hint:
        close = difflib.get_close_matches(node.type, known, 2, 0.7)
        hint = (
            "supported and similar: " + ", ".join(close)
            if close
            else "supported: " + ", ".join(known)
        )
    raise UnsupportedError(Problem(f"operator {node.type} is not supported", hint=hint))
