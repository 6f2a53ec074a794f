"""The import direction of docs/architecture.md, and the size of files."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import edgegen

ROOT = Path(edgegen.__file__).parent
ALLOWED = {
    "errors": set(),
    "resources": {"errors"},
    "ir": {"errors"},
    "quant": {"errors", "ir"},
    "ops": {"errors", "ir", "quant"},
    "kernels": {"errors", "ir", "quant", "ops", "target.cores"},
    "passes": {"errors", "ir", "quant", "ops"},
    "frontends": {"errors", "ir", "ops"},
    "export": {"errors", "ir"},
    "quantise": {"errors", "ir", "quant", "ops", "passes", "export", "verify"},
    "plan": {"errors", "ir", "kernels"},
    "target": {"errors", "ir", "ops", "kernels", "plan", "codegen", "resources"},
    "link": {"errors", "ir", "target", "verify"},
    "firmware": {
        *("errors", "resources", "ir", "codegen", "pipeline", "verify"),
        *("kernels.c_types", "target", "emulate.toolchain"),
    },
    "codegen": {
        "errors",
        "ir",
        "kernels",
        "plan",
        "resources",
        "verify.reference",
        "verify.tolerance",
    },
}


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        found.update(n.removeprefix("edgegen.") for n in names if n.startswith("edgegen."))
    return found


def package_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@pytest.mark.parametrize("package", list(ALLOWED))
def test_imports_point_downwards(package: str) -> None:
    files = [p for p in ROOT.rglob("*.py") if package_of(p) == package]
    assert files
    for path in files:
        for name in imports(path):
            allowed = {package, *ALLOWED[package]}
            ok = any(name == a or name.startswith(f"{a}.") for a in allowed)
            assert ok, f"{path.relative_to(ROOT)} imports edgegen.{name}"


def test_operators_know_no_model_format() -> None:
    for folder in ("ops", "ir", "kernels", "quant"):
        for path in (ROOT / folder).rglob("*.py"):
            tree = ast.parse(path.read_text())
            names = {
                a.name.split(".")[0]
                for node in ast.walk(tree)
                if isinstance(node, ast.Import)
                for a in node.names
            }
            assert not names & {"tflite", "onnx", "flatbuffers", "jinja2"}, path


def test_no_file_outgrows_one_idea() -> None:
    for path in [*ROOT.rglob("*.py"), *(ROOT.parent / "templates").rglob("*.j2")]:
        assert len(path.read_text().splitlines()) <= 450, path
