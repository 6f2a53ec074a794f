"""ONNX's paddings of windows in TFLite's terms."""

from __future__ import annotations

from dataclasses import dataclass

from edgegen.errors import Problem, UnsupportedError
from edgegen.frontends.onnx.model import Node, Shape
from edgegen.ops.window import Window


@dataclass(frozen=True)
class Padding:
    """How a window over an image is padded.

    Attributes:
        scheme: `SAME` or `VALID`.
        before: explicit elements before each image dimension, needed with `VALID`.
        after: the same behind it; only as many as windows reach.
    """

    scheme: str
    before: Shape
    after: Shape

    @property
    def explicit(self) -> bool:
        """Whether the input must be padded by an operator of its own."""
        return any(self.before) or any(self.after)


def pads_of(node: Node, size: Shape, image: Shape) -> tuple[Shape, Shape]:
    """Elements of padding before and behind each image dimension, as the model states them.

    Args:
        node: a convolution or pool.
        size: its filter, without dilation.
        image: sizes of the image dimensions.

    Raises:
        UnsupportedError: a negative or unknown padding.
    """
    rank = len(image)
    mode = node.text("auto_pad", "NOTSET")
    strides = node.integers("strides", (1,) * rank)
    dilations = node.integers("dilations", (1,) * rank)
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        before, after = [], []
        for n, s, k, d in zip(image, strides, size, dilations, strict=True):
            total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
            small, large = total // 2, total - total // 2
            before.append(small if mode == "SAME_UPPER" else large)
            after.append(large if mode == "SAME_UPPER" else small)
        return tuple(before), tuple(after)
    pads = node.integers("pads", (0,) * 2 * rank) if mode == "NOTSET" else (0,) * 2 * rank
    if mode not in ("NOTSET", "VALID") or len(pads) != 2 * rank or min(pads) < 0:
        raise UnsupportedError(Problem(f"padding {mode} {list(pads)} is not supported"))
    return pads[:rank], pads[rank:]


def padding(node: Node, size: Shape, image: Shape, outputs: Shape) -> Padding:
    """The padding in TFLite's terms.

    Args:
        node: a convolution or pool.
        size: its filter, without dilation.
        image: input sizes of the image dimensions.
        outputs: output sizes of the image dimensions.
    """
    rank = len(image)
    strides = node.integers("strides", (1,) * rank)
    dilations = node.integers("dilations", (1,) * rank)
    before, _ = pads_of(node, size, image)
    same = [Window(k, s, d, "SAME") for k, s, d in zip(size, strides, dilations, strict=True)]
    # Behind the image only what windows reach matters.
    after = tuple(
        max((out - 1) * w.stride + w.extent - b - n, 0)
        for out, w, b, n in zip(outputs, same, before, image, strict=True)
    )
    if not any(before) and not any(after):
        return Padding("VALID", before, after)
    if all(
        (w.outputs(n), w.before(n), w.after(n)) == (out, b, a)
        for w, n, out, b, a in zip(same, image, outputs, before, after, strict=True)
    ):
        return Padding("SAME", (0,) * rank, (0,) * rank)
    return Padding("VALID", before, after)
