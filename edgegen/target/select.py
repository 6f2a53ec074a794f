"""Kernel selection: Graph to Program.

The cheapest feasible kernel wins; the `scalar` kernel of an operator accepts everything that the
operator's shape rule accepts, so selection cannot fail.
"""

from __future__ import annotations

from edgegen.errors import InternalError
from edgegen.ir import Graph, Op, Tensor, TensorKind
from edgegen.kernels.program import Buffer, Format, KernelCall, Program, Rejection
from edgegen.kernels.registry import AnyKernel, kernels_for
from edgegen.target.cores import Core

OPTIMIZE = ("speed", "balanced", "size")


def select(graph: Graph, core: Core, optimize: str = "balanced") -> Program:
    """Chooses a kernel for every operator and lays tensors into buffers.

    Args:
        graph: a verified graph.
        core: the core that the code will run on.
        optimize: one of `OPTIMIZE`.
    """
    owner = _owners(graph)
    buffers: dict[str, Buffer] = {}
    for tensor in graph.activations():
        root = owner[tensor.name]
        known = buffers.get(root)
        tensors = (*known.tensors, tensor.name) if known else (tensor.name,)
        buffers[root] = Buffer(root, tensors, tensor.type.bytes, _format(tensor))
    calls = tuple(
        _call(graph, op, owner, core) for op in graph.ops if op.alias_of(graph.io(op)) is None
    )
    return Program(graph, core, optimize, buffers, calls)


def _format(tensor: Tensor) -> Format:
    return Format("dense", tensor.type.dtype.value)


def _owners(graph: Graph) -> dict[str, str]:
    """The tensor that defines the bytes of each activation; itself unless it is an alias."""
    owner = {name: name for name in graph.inputs}
    for op in graph.ops:
        source = op.alias_of(graph.io(op))
        for name in op.outputs:
            alias = None if source is None else op.inputs[source]
            owner[name] = name if alias is None else owner[alias]
    return owner


def _call(graph: Graph, op: Op, owner: dict[str, str], core: Core) -> KernelCall:
    io = graph.io(op)
    feasible: list[AnyKernel] = []
    rejected: list[Rejection] = []
    for kernel in kernels_for(type(op)):
        missing = kernel.requires - core.features
        reason = (
            f"{core.name} lacks {', '.join(sorted(missing))}" if missing else kernel.rejects(op, io)
        )
        if reason:
            rejected.append(Rejection(kernel.path, reason))
        else:
            feasible.append(kernel)
    if not feasible:
        raise InternalError(f"no kernel accepts {graph.where(op)}")
    ranked = sorted(feasible, key=lambda k: (k.cost(op, io).cycles, k.name))
    best = ranked[0]
    cost = best.cost(op, io)
    for kernel in ranked[1:]:
        slower = kernel.cost(op, io).cycles
        rejected.append(
            Rejection(kernel.path, f"predicted {slower} cycles, {best.path} {cost.cycles}")
        )
    inputs = tuple(
        None if t is None or t.kind is TensorKind.CONSTANT else owner[t.name] for t in io.inputs
    )
    return KernelCall(
        op,
        best,
        inputs,
        owner[io.output.name],
        best.scratch_bytes(op, io),
        best.order(op, io),
        cost,
        tuple(rejected),
    )
