"""An operator is one stem in its trees: module, kernels, templates, cases."""

from __future__ import annotations

from pathlib import Path

import pytest

import edgegen.kernels
from edgegen.ir import Op
from edgegen.kernels.registry import AnyKernel, kernels, kernels_for
from edgegen.ops.registry import operators
from edgegen.resources import templates_dir
from tests.support.cases import load_cases, stems

KERNELS = Path(edgegen.kernels.__path__[0])
TEMPLATES = Path(templates_dir()) / "kernels"
BY_STEM = {op.stem: op for op in operators()}
# Operators that only the ONNX front end makes have their cases in ONNX's own tests.
MODEL_STEMS = [stem for stem, op in BY_STEM.items() if op.sources and op.sources != (stem,)]
COMPUTING_STEMS = [stem for stem, op in BY_STEM.items() if op.alias_of is Op.alias_of]


def folders(root: Path) -> set[str]:
    return {p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith("_")}


@pytest.mark.parametrize("stem", sorted(BY_STEM))
def test_module_carries_the_stem(stem: str) -> None:
    assert BY_STEM[stem].__module__ == f"edgegen.ops.{stem}"


@pytest.mark.parametrize("stem", sorted(COMPUTING_STEMS))
def test_operator_has_a_scalar_kernel_and_template(stem: str) -> None:
    assert (KERNELS / stem / "scalar.py").is_file()
    assert (TEMPLATES / stem / "scalar.c.j2").is_file()
    (scalar,) = [k for k in kernels_for(BY_STEM[stem]) if k.name == "scalar"]
    assert not scalar.requires


@pytest.mark.parametrize("stem", sorted(MODEL_STEMS))
def test_operator_has_cases(stem: str) -> None:
    assert stem in stems(), f"tests/ops/{stem}.toml is missing"
    cases = load_cases(stem)
    assert len([c for c in cases if not c.error]) >= 3
    assert {c.op for c in cases} == set(BY_STEM[stem].sources)


@pytest.mark.parametrize("kernel", kernels(), ids=lambda k: k.path)
def test_kernel_is_found_where_its_path_says(kernel: AnyKernel) -> None:
    assert type(kernel).__module__ == f"edgegen.kernels.{kernel.path.replace('/', '.')}"
    assert (TEMPLATES.parent / kernel.template).is_file()


def test_nothing_is_left_over() -> None:
    assert folders(KERNELS) <= set(COMPUTING_STEMS)
    assert folders(TEMPLATES) <= set(COMPUTING_STEMS)
    assert set(stems()) <= set(MODEL_STEMS)
    templates = {str(p.relative_to(TEMPLATES)) for p in TEMPLATES.glob("*/*.c.j2")}
    assert templates == {k.template.removeprefix("kernels/") for k in kernels()}
