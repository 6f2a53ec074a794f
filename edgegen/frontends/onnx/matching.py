"""What rewrites of patterns ask about a graph."""

from __future__ import annotations

from edgegen.frontends.onnx.model import Array, Model, Node, Value


def real_constant(value: Value) -> Array | None:
    """The data of a float constant, None for anything else."""
    return value.data if value.quant is None and value.dtype.kind == "f" else None


class Uses:
    """Who reads what."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.counts = {name: len(nodes) for name, nodes in model.consumers().items()}
        self.producers = model.producers()

    def only(self, name: str, ops: frozenset[str] | set[str]) -> Node | None:
        """The producer of a value that is read once, if it is one of `ops`."""
        node = self.producers.get(name)
        if node is None or node.op not in ops or node.domain:
            return None
        if self.counts.get(name) != 1 or name in self.model.outputs:
            return None
        return node


def clip_bounds(node: Node, model: Model) -> tuple[float, float] | None:
    """Lowest and highest value of a Clip or Relu; infinite where there is none.

    Returns None where a bound is computed at run time.
    """
    if node.op == "Relu":
        return 0.0, float("inf")
    bounds = []
    for position, default in ((1, -float("inf")), (2, float("inf"))):
        name = node.input(position)
        if not name:
            bounds.append(default)
            continue
        value = model.value(name)
        if value.data is None or value.data.size != 1:
            return None
        number = float(value.data.ravel()[0])
        if value.quant is not None:
            number = (number - value.quant.zero_point) * value.quant.scale
        # Exporters write the largest float for no bound.
        bounds.append(default if abs(number) > 3e38 else number)
    return bounds[0], bounds[1]
