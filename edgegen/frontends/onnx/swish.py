"""x * HardSigmoid(x) and what exporters write for it become HardSwish.

relu6(x + 3) / 6 is recognised as Add, Clip, Div (or Mul by a sixth), and as HardSigmoid; the
product with x may come before or after the division.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgegen.frontends.onnx.matching import Uses, clip_bounds, real_constant
from edgegen.frontends.onnx.model import Editor, Model, Node

SIXTH = 1.0 / 6.0


def hard_swish(model: Model) -> Model:
    """The model with HardSwish where the pattern is."""
    editor, finder = Editor(model), _Finder(model, Uses(model))
    for node in model.nodes:
        source = finder.source(node) if not node.domain and node.op in ("Mul", "Div") else None
        if source is None:
            editor.add(node)
        else:
            editor.add(replace(node, op="HardSwish", inputs=(source,), attributes={}))
    return editor.model()


@dataclass(frozen=True)
class _Finder:
    """Looks for the pattern backwards from its last node."""

    model: Model
    uses: Uses

    def source(self, node: Node) -> str | None:
        """X where the node computes x * relu6(x + 3) / 6."""
        if self._divides_by_six(node):
            return self._product_with_relu6(node.inputs[0])
        for x, y in (node.inputs, node.inputs[::-1]):
            if node.op == "Mul" and self._hard_sigmoid(y) == x:
                return x
        return None

    def _scalar(self, name: str) -> float | None:
        data = real_constant(self.model.value(name))
        return float(data.ravel()[0]) if data is not None and data.size == 1 else None

    def _divides_by_six(self, node: Node) -> bool:
        """Whether the node divides its first input by 6."""
        factor = self._scalar(node.inputs[1])
        if factor is None:
            return False
        return factor == 6.0 if node.op == "Div" else abs(factor - SIXTH) < 1e-7

    def _product_with_relu6(self, name: str) -> str | None:
        """X where `name` is x * relu6(x + 3)."""
        product = self.uses.only(name, {"Mul"})
        if product is not None:
            for x, y in (product.inputs, product.inputs[::-1]):
                if self._relu6_of_shifted(y) == x:
                    return x
        return None

    def _relu6_of_shifted(self, name: str) -> str | None:
        """X where `name` is relu6(x + 3)."""
        clip = self.uses.only(name, {"Clip"})
        add = None
        if clip is not None and clip_bounds(clip, self.model) == (0.0, 6.0):
            add = self.uses.only(clip.inputs[0], {"Add"})
        for x, c in () if add is None else (add.inputs, add.inputs[::-1]):
            if self._scalar(c) == 3.0:
                return x
        return None

    def _hard_sigmoid(self, name: str) -> str | None:
        """X where `name` is relu6(x + 3) / 6."""
        made = self.uses.only(name, {"HardSigmoid", "Div", "Mul"})
        if made is None:
            return None
        if made.op == "HardSigmoid":
            slope, offset = made.number("alpha", 0.2), made.number("beta", 0.5)
            return made.inputs[0] if abs(slope - SIXTH) < 1e-6 and offset == 0.5 else None
        return self._relu6_of_shifted(made.inputs[0]) if self._divides_by_six(made) else None
