"""Writes docs/operators.md from the code: `python scripts/operators_table.py [--check]`.

With --check nothing is written; the exit code says whether the page is current.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from edgegen.frontends.onnx.functions import defined_operators  # noqa: E402
from edgegen.frontends.onnx.general import general_operators  # noqa: E402
from edgegen.frontends.onnx.lower.registry import rules  # noqa: E402
from edgegen.frontends.onnx.qoperator import QOPERATORS  # noqa: E402
from edgegen.frontends.onnx.settle import FOLDABLE  # noqa: E402
from edgegen.ir import Op  # noqa: E402
from edgegen.kernels.base import Numbers  # noqa: E402
from edgegen.kernels.registry import kernels_for  # noqa: E402
from edgegen.ops.registry import operators  # noqa: E402

PAGE = ROOT / "docs" / "operators.md"
VANISHING = (
    ("Identity, Dropout, Cast to the same type", "nothing"),
    ("Constant, Shape, Size", "constants"),
    ("BatchNormalization", "the convolution or Dense before it, else MUL and ADD"),
    ("Gemm, MatMul with a constant matrix", "FULLY_CONNECTED, with an Add that follows as bias"),
    ("Relu, Clip(0, 6), Clip(-1, 1)", "the activation of the operator before, where it can fuse"),
    ("QuantizeLinear, DequantizeLinear", "types of tensors; QUANTIZE where a scale changes"),
)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def first_line(text: str | None) -> str:
    """The first line of a docstring, without its full stop."""
    return (text or "").strip().splitlines()[0].rstrip(".").replace("|", "\\|")


FAMILIES = {"dsp": "DSP", "v7m": "Armv7-M", "v6m": "Armv6-M"}
"""Kernels made for some cores, by the beginning of their names; all others run on any."""


def kernels_of(op: type[Op], numbers: Numbers) -> str:
    """The cores that an operator has kernels for, on some numbers."""
    if op.alias_of is not Op.alias_of:
        return "no code"
    names = [k.name for k in kernels_for(op) if numbers in k.computes]
    cores = {FAMILIES.get(name.split("_")[0], "any core") for name in names}
    return ", ".join(sorted(cores)) or "-"


def page() -> str:
    """The whole page."""
    known = sorted(operators(), key=lambda op: op.stem)
    tflite = [op for op in known if any(s.isupper() for s in op.sources)]
    general = [op for op in known if op.sources and op not in tflite]
    lowered = sorted(rules().items())
    return "\n\n".join(
        [
            "# Operators",
            "Written by `scripts/operators_table.py` from the code; a test keeps it current.",
            "## TFLite",
            "On int8 and int16 (activations, with int8 weights) exactly as TFLite 2.14's "
            "reference kernels compute; on float32 within rounding. Kernels are plain C for any "
            "core, and code made for some: DSP is Cortex-M4, M7 and M33, Armv7-M the Cortex-M3, "
            "Armv6-M the Cortex-M0 and M0+.",
            table(
                ("operator", "what", "int8 kernels for", "int16", "float32"),
                (
                    (
                        ", ".join(s for s in op.sources if s.isupper()),
                        first_line(op.__doc__),
                        kernels_of(op, Numbers.INTEGER),
                        kernels_of(op, Numbers.INT16),
                        kernels_of(op, Numbers.FLOAT32),
                    )
                    for op in tflite
                ),
            ),
            "## ONNX",
            "Opsets 11 and newer. An operator on quantised tensors becomes the TFLite operator of "
            "the same meaning on int8, rounded once as onnxruntime does.",
            table(
                ("operator", "how"),
                ((name, first_line(rule.__doc__)) for name, rule in lowered if name != "Dense"),
            ),
            "These vanish while a model is read:",
            table(("operator", "becomes"), VANISHING),
            "QOperator nodes, read as the same operators between DequantizeLinear and "
            "QuantizeLinear: " + ", ".join(QOPERATORS) + ".",
            "Computed while reading where all inputs are constants: "
            + ", ".join(sorted(FOLDABLE))
            + ".",
            "## General operators",
            "What has no TFLite operator becomes operators of the IR for tensors of any rank, "
            "order of axes and element type, in plain C; see `float32.md`.",
            table(
                ("operator", "what"),
                ((f"`{op.stem}`", first_line(op.__doc__)) for op in general),
            ),
            "ONNX operators that become these, without quantisation: "
            + ", ".join(general_operators())
            + ".",
            "Expanded with ONNX's own definitions: " + ", ".join(defined_operators()) + ".",
        ]
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether it is current")
    arguments = parser.parse_args()
    text = page() + "\n"
    if arguments.check:
        current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
        if not current:
            raise SystemExit("docs/operators.md is out of date: run scripts/operators_table.py")
    else:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
