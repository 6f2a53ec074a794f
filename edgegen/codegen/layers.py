"""Views of layers for the templates: each one's C function, and the order in which they run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import SimpleNamespace

from edgegen.codegen.environment import environment
from edgegen.codegen.filters import shape_text, wrap_values
from edgegen.codegen.package import Layer, Package
from edgegen.ir.names import short_name
from edgegen.ir.types import DType
from edgegen.kernels.c_types import c_type
from edgegen.kernels.formats import round_up
from edgegen.kernels.program import Buffer, KernelCall
from edgegen.kernels.rows import Rows
from edgegen.kernels.stream import Stream
from edgegen.plan.plan import ALIGNMENT, Plan
from edgegen.plan.timeline import scratch_name, staged_name, state_name


@dataclass(frozen=True)
class LayerView:
    """A layer's C function and its comment.

    Attributes:
        by_rows: whether the function computes one row, the number of which it is given.
        done: whether this C condition holds when `output` has something new; empty: always.
        output: where its new output lies, a C expression; a row of it where it runs by rows.
        output_bytes: how many bytes lie there.
    """

    index: int
    function: str
    comment: tuple[str, ...]
    summary: str
    body: str
    by_rows: bool
    done: str
    output: str
    output_bytes: int


@dataclass(frozen=True)
class StreamView:
    """The C function that runs some layers row by row.

    Attributes:
        function: its name.
        layers: the layers, in the order of the numbers in `order`.
        order: which layer each step runs, as C values.
        title: for people: the first and the last layer.
        source: where the next row of the input goes, a C expression; None without `--input-rows`.
    """

    function: str
    layers: tuple[LayerView, ...]
    order: str
    title: str
    source: str | None

    @property
    def kinds(self) -> int:
        """How many different numbers `order` has."""
        return len(self.layers) + (self.source is not None)


@dataclass(frozen=True)
class StepView:
    """One statement of the inference: a layer, or a stream of layers."""

    layer: LayerView | None
    stream: StreamView | None


def layer_views(package: Package) -> tuple[LayerView, ...]:
    """The layers' functions, each one commented with what it computes."""
    return tuple(_layer_view(package, layer) for layer in package.layers)


def stream_function(name: str, stream: Stream) -> str:
    """C name of the function that runs a stream."""
    return f"{name}_rows_{stream.calls[0]:02d}_{stream.calls[-1]:02d}"


def step_views(package: Package, layers: tuple[LayerView, ...]) -> tuple[StepView, ...]:
    """The statements of an inference in order."""
    streams = {s.first: s for s in package.plan.program.streams}
    steps = []
    at = 0
    while at < len(layers):
        stream = streams.get(at)
        if stream is None:
            steps.append(StepView(layers[at], None))
            at += 1
            continue
        calls = stream.calls
        view = StreamView(
            stream_function(package.name, stream),
            layers[calls.start : calls.stop],
            wrap_values(map(str, stream.order), indent=8),
            f"layers {calls[0]} to {calls[-1]}" if stream.count > 1 else f"layer {at}",
            None if stream.source is None else row_place(package.plan, stream.source, "y"),
        )
        steps.append(StepView(None, view))
        at += stream.count
    return tuple(steps)


def _layer_view(package: Package, layer: Layer) -> LayerView:
    call, plan = layer.call, package.plan
    io = call.io
    where = _Places(package, call)
    view = SimpleNamespace(
        p=package.name,
        NAME=package.name.upper(),
        routine=layer.routine_name(package.name),
        constants=SimpleNamespace(**where.constants(layer)),
        pieces=SimpleNamespace(
            **{key: piece.name(package.name) for key, piece in layer.packed.pieces.items()}
        ),
        inputs=where.inputs,
        window_rows=where.rows,
        outputs=[where.output],
        scratch=where.block(scratch_name(layer.index)) if call.scratch_bytes else None,
        state=where.block(state_name(layer.index)) if call.state_bytes else None,
        **layer.packed.call,
    )
    template = environment().get_template(call.kernel.template)
    body = str(template.make_module().call(view)).strip("\n")  # type: ignore[attr-defined]
    if call.staged_bytes:
        # Parameters that point to copies are not constant: the arena may be anywhere.
        body = body.replace("static const ", "const ")
    body = "\n".join([*where.declarations, body])
    if call.rows and not re.search(r"\by\b", body):
        body = f"    (void)y;\n{body}"
    reads = " + ".join(
        shape_text(t.type.shape) for t, n in zip(io.inputs, call.inputs, strict=True) if t and n
    )
    shapes = f"{reads} -> {shape_text(io.output.type.shape)}"
    macs = call.op.macs(io)
    detail = call.op.summary(io)
    by_rows = ", one row" if call.rows else ""
    comment = (
        f"Layer {layer.index}: {call.op.origin.type}{', ' + detail if detail else ''}{by_rows}",
        f"{shapes}, " + (f"{macs:,} MACs, " if macs else "") + f"kernel {call.kernel.path}",
        f"model: op {call.op.origin.index}, {short_name(io.output.name, 70)}",
    )
    buffer = plan.program.buffers[call.output]
    accumulates = call.rows is not None and call.rows.accumulates
    return LayerView(
        layer.index,
        layer.function_name(package.name),
        comment,
        f"{call.op.origin.type} {shapes}" + (f", {macs:,} MACs" if macs else ""),
        body,
        call.rows is not None,
        f"y == {call.rows.steps - 1}" if call.rows and accumulates else "",
        where.output,
        buffer.pitch if call.rows and not accumulates else buffer.size,
    )


def row_place(plan: Plan, name: str, y: str) -> str:
    """Pointer to row `y` of a buffer, C expressions."""
    buffer, offset = plan.program.buffers[name], plan.offset(name)
    if buffer.ring == 1 or buffer.rows == 1:
        return f"(arena + {offset})"
    place = y if buffer.ring is None else f"{y} % {buffer.ring}"
    return f"(arena + {offset} + {place} * {buffer.pitch})"


class _Places:
    """C expressions for where a call's buffers lie, and what must be declared for them.

    Attributes:
        inputs: pointers to inputs, to the row that is needed where the call runs by rows; None for
            constants.
        rows: names of arrays of pointers to rows; None where `inputs` has what is needed.
        output: the pointer to the output, to the row that is computed where the call runs by rows.
        declarations: C lines that define the arrays.
    """

    def __init__(self, package: Package, call: KernelCall) -> None:
        self.plan, self.name = package.plan, package.name
        self.buffers = package.plan.program.buffers
        self.declarations: list[str] = []
        self.inputs: list[str | None] = []
        self.rows: list[str | None] = []
        for k, name in enumerate(call.inputs):
            array = None
            if name is None:
                self.inputs.append(None)
            elif call.rows is None:
                self.inputs.append(self.block(name))
            else:
                array = self._array(call.rows, k, self.buffers[name])
                self.inputs.append(array or self._input_row(call.rows, k, self.buffers[name]))
            self.rows.append(array)
        output = self.buffers[call.output]
        whole = call.rows is None or call.rows.accumulates
        self.output = self.block(output.name) if whole else row_place(self.plan, output.name, "y")

    def constants(self, layer: Layer) -> dict[str, str]:
        """C expressions of the constants by role; declares the copying where they are copied."""
        if not layer.call.staged_bytes:
            return layer.constants
        offset = self.plan.offset(staged_name(layer.index))
        found = {}
        for constant in layer.packed.constants:
            symbol, size = layer.constants[constant.role], constant.data.nbytes
            self.declarations.append(f"    {self.name}_stage(arena + {offset}, {symbol}, {size});")
            ctype = c_type(DType(constant.data.dtype.name))
            found[constant.role] = f"((const {ctype} *)(arena + {offset}))"
            offset += round_up(size, ALIGNMENT)
        return found

    def block(self, name: str) -> str:
        """Pointer to a block of the arena."""
        return f"(arena + {self.plan.offset(name)})"

    def _input_row(self, rows: Rows, k: int, buffer: Buffer) -> str:
        """Pointer to the only input row that is needed."""
        window = rows.windows[k]
        if window is None:
            return self.block(buffer.name)
        stride = 1 if rows.accumulates else window.stride
        return row_place(self.plan, buffer.name, "y" if stride == 1 else f"(y * {stride})")

    def _array(self, rows: Rows, k: int, buffer: Buffer) -> str | None:
        """Declares an array of pointers to the rows of a window, if there are several."""
        window = rows.windows[k]
        if window is None or not rows.needs_pointers(k):
            return None
        name = "rows" if k == 0 else f"rows{k}"
        first = "y" if window.stride == 1 else f"y * {window.stride}"
        if window.before:
            first += f" - {window.before}"
        self.declarations += [
            f"    const uint8_t *{name}[{window.taps}];",
            f"    {self.name}_rows({name}, {window.taps}, {self.block(buffer.name)}, "
            f"{buffer.ring or buffer.rows}, {buffer.pitch}, {first}, {window.dilation}, "
            f"{buffer.rows});",
        ]
        return name
