"""Makes tests/networks/patterns.npz: small modules, exported twice, run by onnxruntime.

Run with an interpreter that has scripts/networks/requirements.txt:

    python scripts/networks/record_patterns.py
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import onnxruntime  # noqa: E402
import torch  # noqa: E402
from exporting import EXPORTERS, export  # noqa: E402
from patterns import Shapes, patterns  # noqa: E402
from torch import nn  # noqa: E402

from tests.support.patterns import (  # noqa: E402
    PATTERNS_FILE,
    Pattern,
    pattern_inputs,
    write_patterns,
)

OPSET = 18


def record(name: str, module: nn.Module, shapes: Shapes, path: Path, exporter: str) -> Pattern:
    """Exports one module to `path` and runs the file."""
    examples = tuple(torch.zeros(s) for s in shapes)
    export(module, examples, path, exporter=exporter, opset=OPSET)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]
    outputs = [
        tuple(session.run(None, dict(zip(names, vector, strict=True))))
        for vector in pattern_inputs(name, shapes)
    ]
    return Pattern(path.read_bytes(), shapes, tuple(outputs))


def main() -> None:
    """Records what can be exported; prints what cannot."""
    recorded = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pattern.onnx"
        for name, (module, shapes) in patterns().items():
            for exporter in EXPORTERS:
                try:
                    recorded[f"{name}_{exporter}"] = record(name, module, shapes, path, exporter)
                except (RuntimeError, ValueError) as error:
                    print(f"{name}: not exported by {exporter}: {str(error).splitlines()[0]}")
    write_patterns(PATTERNS_FILE, recorded)
    print(f"{len(recorded)} patterns")


if __name__ == "__main__":
    main()
