"""Products of matrices and Einstein sums as contractions."""

from __future__ import annotations

from collections.abc import Sequence

from edgegen.errors import Problem, UnsupportedError
from edgegen.frontends.onnx.general.registry import generally
from edgegen.frontends.onnx.general.writer import Writer
from edgegen.frontends.onnx.model import Shape
from edgegen.ir import DType
from edgegen.ops.strided import broadcast_strides, strides


def matrix_product(w: Writer, a: str, b: str, *, out: str | None = None) -> str:
    """Numpy's matmul of two tensors."""
    left, right = w.shape(a), w.shape(b)
    left = left if len(left) > 1 else (1, *left)
    right = right if len(right) > 1 else (*right, 1)
    batch = _broadcast(left[:-2], right[:-2])
    (rows, depth), columns = left[-2:], right[-1]
    a_batch = _scaled(broadcast_strides(left[:-2], batch), rows * depth)
    b_batch = _scaled(broadcast_strides(right[:-2], batch), depth * columns)
    shape = (*batch, rows, columns)
    if len(w.shape(a)) == 1:
        shape = (*shape[:-2], shape[-1])
    if len(w.shape(b)) == 1:
        shape = shape[:-1]
    output = out or w.temporary(w.kind(a).dtype, shape)
    return w.write(
        "contraction",
        [a, b],
        output,
        sizes=(*batch, rows, columns),
        a_steps=(*a_batch, depth, 0),
        b_steps=(*b_batch, 0, 1),
        inner_sizes=(depth,),
        a_inner_steps=(1,),
        b_inner_steps=(columns,),
    )


def _broadcast(a: Shape, b: Shape) -> Shape:
    rank = max(len(a), len(b))
    padded = [(1,) * (rank - len(s)) + s for s in (a, b)]
    return tuple(max(m, n) for m, n in zip(*padded, strict=True))


def _scaled(steps: Sequence[int], by: int) -> Shape:
    return tuple(s * by for s in steps)


@generally("MatMul")
def matmul(w: Writer) -> None:
    """MatMul."""
    matrix_product(w, w.read(0), w.read(1), out=w.out())


@generally("MatMulInteger")
def matmul_integer(w: Writer) -> None:
    """Products of 8-bit matrices less their zero points, in int32."""
    a, b = (centred(w, i, 2 + i, axis=i - 2) for i in range(2))
    matrix_product(w, a, b, out=w.out())


def centred(w: Writer, position: int, zero: int, *, axis: int) -> str:
    """An integer input less its zero point, int32.

    Args:
        w: the node.
        position: of the input.
        zero: position of the zero point: one number, or one for each index of `axis`.
        axis: counted from the end where negative.
    """
    x = w.cast(w.read(position), DType.INT32)
    if not w.has(zero):
        return x
    point = w.cast(w.read(zero), DType.INT32)
    rank, shape = len(w.shape(x)), w.shape(point)
    if w.elements(point) == 1:
        point = w.reshape(point, ())
    elif len(shape) == 1:
        point = w.reshape(point, (*shape, *(1,) * (rank - axis % rank - 1)))
    return w.pointwise("sub", x, point)


@generally("Gemm")
def gemm(w: Writer) -> None:
    """Alpha A B + beta C, each matrix perhaps transposed."""
    a, b = w.read(0), w.read(1)
    flags = [w.node.integer(name, 0) for name in ("transA", "transB")]
    (rows, depth), columns = w.shape(a), w.shape(b)[0 if flags[1] else 1]
    if flags[0]:
        rows, depth = depth, rows
    alpha, beta = w.node.number("alpha", 1.0), w.node.number("beta", 1.0)
    added = w.has(2) and beta != 0.0
    dtype = w.kind(a).dtype
    target = w.out() if alpha == 1.0 and not added else w.temporary(dtype, (rows, columns))
    product = w.write(
        "contraction",
        [a, b],
        target,
        sizes=(rows, columns),
        a_steps=(1 if flags[0] else depth, 0),
        b_steps=(0, depth if flags[1] else 1),
        inner_sizes=(depth,),
        a_inner_steps=(rows if flags[0] else 1,),
        b_inner_steps=(1 if flags[1] else columns,),
    )
    if alpha != 1.0:
        factor = w.constant(alpha, dtype)
        product = w.pointwise("mul", product, factor, out=None if added else w.out())
    if added:
        rest = w.read(2)
        if beta != 1.0:
            rest = w.pointwise("mul", rest, w.constant(beta, dtype))
        w.pointwise("add", product, rest, out=w.out())


@generally("Einsum")
def einsum(w: Writer) -> None:
    """An Einstein sum of one or two tensors."""
    left, _, right = w.node.text("equation", "").replace(" ", "").partition("->")
    terms = left.split(",")
    count = len(w.node.inputs)
    if not 1 <= count <= 2 or len(terms) != count:
        raise UnsupportedError(Problem(f"an Einstein sum of {count} tensors"))
    shapes = [w.value(i).shape for i in range(count)]
    labels = [_labels(t, len(s)) for t, s in zip(terms, shapes, strict=True)]
    if "->" in w.node.text("equation", ""):
        kept = _labels(right, len(w.result().shape))
    else:
        flat = [c for t in labels for c in t]
        dots = [c for c in dict.fromkeys(flat) if c.startswith(".")]
        kept = sorted(dots) + sorted(c for c in set(flat) if flat.count(c) == 1 and c not in dots)
    sizes: dict[str, int] = {}
    for names, shape in zip(labels, shapes, strict=True):
        for name, size in zip(names, shape, strict=True):
            sizes[name] = max(sizes.get(name, 1), size)
    steps = [_steps(n, s, sizes) for n, s in zip(labels, shapes, strict=True)]
    tensors = [w.read(i) for i in range(count)]
    if count == 1:
        tensors.append(w.constant(1, w.kind(tensors[0]).dtype))
        steps.append({})
    summed = [n for n in sizes if n not in kept]
    w.write(
        "contraction",
        tensors,
        w.out(),
        sizes=tuple(sizes[n] for n in kept),
        a_steps=tuple(steps[0].get(n, 0) for n in kept),
        b_steps=tuple(steps[1].get(n, 0) for n in kept),
        inner_sizes=tuple(sizes[n] for n in summed),
        a_inner_steps=tuple(steps[0].get(n, 0) for n in summed),
        b_inner_steps=tuple(steps[1].get(n, 0) for n in summed),
    )


def _labels(term: str, rank: int) -> list[str]:
    """One name for each dimension; those of an ellipsis are counted from the end."""
    before, dots, after = term.partition("...")
    hidden = rank - len(before) - len(after) if dots else 0
    return [*before, *(f".{hidden - i:02d}" for i in range(hidden)), *after]


def _steps(names: Sequence[str], shape: Shape, sizes: dict[str, int]) -> dict[str, int]:
    """Elements from one index of each name to the next; a name that repeats walks a diagonal."""
    found: dict[str, int] = {}
    for name, size, step in zip(names, shape, strides(shape), strict=True):
        along = 0 if size == 1 and sizes[name] != 1 else step
        found[name] = found.get(name, 0) + along
    return found
