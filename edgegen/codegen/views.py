"""Ready-made views for the templates, which do no arithmetic of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from edgegen import __version__
from edgegen.codegen.environment import environment
from edgegen.codegen.filters import shape_text, wrap_values
from edgegen.codegen.layers import layer_views, step_views
from edgegen.codegen.names import tensor_identifiers
from edgegen.codegen.package import Package, Symbol
from edgegen.errors import InternalError
from edgegen.ir import DType, Tensor, TensorType
from edgegen.kernels.c_types import c_type, float_literal, integer_literal
from edgegen.plan.plan import proof_text


@dataclass(frozen=True)
class Port:
    """A graph input or output, as the header shows it; `layout` names the axes of an image."""

    tensor: Tensor
    accessor: str
    macro: str
    ctype: str
    offset: int
    layout: str = ""

    @property
    def type(self) -> TensorType:
        """The tensor's type."""
        return self.tensor.type

    @property
    def title(self) -> str:
        """The tensor's name in the source model."""
        return self.tensor.name

    @property
    def quantised(self) -> bool:
        """Whether the stored values stand for real ones."""
        return self.type.quant is not None

    @property
    def contents(self) -> str:
        """What the self-test fills the buffer with: `reals`, `bools`, or else bytes."""
        return {DType.FLOAT32: "reals", DType.BOOL: "bools"}.get(self.type.dtype, "bytes")

    @property
    def shape_values(self) -> str:
        """The shape as C values."""
        return ", ".join(str(d) for d in self.type.shape) or "1"

    @property
    def shape(self) -> str:
        """The shape for people."""
        return shape_text(self.type.shape)

    @property
    def scale_literal(self) -> str:
        """The scale as a C float literal that reads back exactly; 1 when not quantised."""
        if self.type.quant is None:
            return "1.0f"
        text = repr(float(self.type.scale)) if self.type.scale >= 1e16 else f"{self.type.scale:.9g}"
        return text + ("f" if "." in text or "e" in text else ".0f")

    @property
    def zero_point(self) -> int:
        """The zero point; 0 when not quantised."""
        return 0 if self.type.quant is None else self.type.zero_point


@dataclass(frozen=True)
class Routine:
    """A C function shared by one or more layers."""

    name: str
    text: str


@dataclass(frozen=True)
class ArrayView:
    """A constant array: declaration and values."""

    name: str
    ctype: str
    size: int
    comment: str
    values: str


def ports(package: Package, names: tuple[str, ...], kind: str) -> tuple[Port, ...]:
    """Views of graph inputs or outputs; `kind` is `input` or `output`.

    A single one is called `NAME_input`; several carry their tensors' names.
    """
    graph, name = package.plan.program.graph, package.name
    buffer_of = package.plan.program.buffer_of
    found = []
    for tensor_name, identifier in zip(names, tensor_identifiers(names, kind), strict=True):
        tensor = graph.tensor(tensor_name)
        suffix = "" if len(names) == 1 else f"_{identifier}"
        found.append(
            Port(
                tensor,
                f"{name}_{kind}{suffix}",
                f"{name}_{kind}{suffix}".upper(),
                c_type(tensor.type.dtype),
                package.plan.offset(buffer_of[tensor_name]),
                graph.layouts.get(tensor_name, ""),
            )
        )
    return tuple(found)


def array_view(symbol: Symbol, values: str = "") -> ArrayView:
    """A constant array; without values for a declaration."""
    ctype = c_type(DType(symbol.data.dtype.name))
    return ArrayView(symbol.name, ctype, symbol.data.size, symbol.comment, values)


@dataclass(frozen=True)
class RowPort:
    """An input that comes row by row: its port, the number of rows and the bytes of each."""

    port: Port
    rows: int
    row_bytes: int


def row_port(package: Package) -> RowPort | None:
    """The input that the caller delivers row by row, if it does."""
    graph = package.plan.program.graph
    if not graph.by_rows:
        return None
    (port,) = ports(package, graph.by_rows, "input")
    buffer = package.plan.program.buffers[package.plan.program.buffer_of[port.tensor.name]]
    return RowPort(port, buffer.rows, buffer.pitch)


def symbol_views(symbols: tuple[Symbol, ...]) -> Iterator[ArrayView]:
    """Declarations and values of constant arrays."""
    for symbol in symbols:
        values = symbol.data.tolist()
        if symbol.data.dtype == np.int32:
            # -2**31 has no plain literal in C.
            text = ["(-2147483647 - 1)" if v == -(2**31) else str(v) for v in values]
        elif symbol.data.dtype == np.float32:
            text = [float_literal(v) for v in values]
        elif symbol.data.dtype in (np.int64, np.uint64):
            kind = DType(symbol.data.dtype.name)
            text = [integer_literal(v, kind) for v in values]
        elif symbol.data.dtype == np.uint32:
            text = [f"0x{v:08x}u" for v in values]
        else:
            text = [str(v) for v in values]
        yield array_view(symbol, wrap_values(text))


def routines(package: Package) -> tuple[Routine, ...]:
    """Every distinct C function that the layers need, in order of first use."""
    found: dict[tuple[str, str], Routine] = {}
    variables: dict[tuple[str, str], Mapping[str, Any]] = {}
    for layer in package.layers:
        key = layer.routine_key
        if key in found:
            if variables[key] != layer.packed.routine:
                raise InternalError(f"two routines are called {layer.routine_name(package.name)}")
            continue
        name = layer.routine_name(package.name)
        template = environment().get_template(layer.call.kernel.template)
        # A namespace, not a dict: `v.values` in a template must not find a dict's method.
        view = SimpleNamespace(
            p=package.name, NAME=package.name.upper(), name=name, **layer.packed.routine
        )
        text = str(template.make_module().routine(view)).strip("\n")  # type: ignore[attr-defined]
        found[key], variables[key] = Routine(name, text), layer.packed.routine
    # Where a layer calls its pieces itself, there is none.
    return tuple(routine for routine in found.values() if routine.text)


def helpers(package: Package) -> tuple[str, ...]:
    """Snippets of templates/lib that the routines call, rendered, each once."""
    names: dict[str, None] = {}
    if any(layer.call.rows and layer.call.rows.pointers for layer in package.layers):
        names["rows"] = None
    if any(layer.call.staged_bytes for layer in package.layers):
        names["stage"] = None
    for layer in package.layers:
        names.update(dict.fromkeys(layer.packed.helpers))
    return tuple(
        environment().get_template(f"lib/{n}.c.j2").render(p=package.name).strip("\n")
        for n in names
    )


def pieces(package: Package) -> tuple[str, ...]:
    """Functions made to measure, each once, in order of first use."""
    found: dict[str, str] = {}
    variables: dict[str, Mapping[str, Any]] = {}
    for layer in package.layers:
        for piece in layer.packed.pieces.values():
            name = piece.name(package.name)
            if name not in found:
                view = SimpleNamespace(
                    p=package.name, NAME=package.name.upper(), name=name, **piece.variables
                )
                template = environment().get_template(f"lib/{piece.template}.c.j2")
                found[name] = template.render(v=view).strip("\n")
                variables[name] = piece.variables
            elif variables[name] != piece.variables:
                raise InternalError(f"two functions are called {name}")
    return tuple(found.values())


def model_view(package: Package) -> dict[str, Any]:
    """What all templates of one library share."""
    plan, graph = package.plan, package.plan.program.graph
    layers = layer_views(package)
    return {
        "name": package.name,
        "NAME": package.name.upper(),
        "p": package.name,
        "version": __version__,
        "arena_bytes": plan.arena.size,
        "arena_words": plan.arena.size // plan.problem.alignment,
        "alignment": plan.problem.alignment,
        "real": graph.computes_float,
        "proof": proof_text(plan.arena),
        "weights_bytes": package.bytes_of(),
        "macs": graph.macs,
        "core": plan.program.core,
        "kernels_in_ram": package.kernels_in_ram,
        "placement": f"{package.name.upper()}_KERNEL" if package.code_section else "",
        "code_section": package.code_section,
        "layout": package.layout,
        "keep_input": bool(graph.kept),
        "arena": package.layout.arena_pointer(package.name),
        "foreign": tuple(array_view(symbol) for symbol in package.foreign),
        "inputs": ports(package, graph.inputs, "input"),
        "outputs": ports(package, graph.outputs, "output"),
        "symbols": tuple(symbol_views(package.symbols)),
        "routines": routines(package),
        "helpers": helpers(package),
        "pieces": pieces(package),
        "layers": layers,
        "steps": step_views(package, layers),
        "rows_in": row_port(package),
    }
