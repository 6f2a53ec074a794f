"""`edgegen run --report`: the figures of a run as JSON."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgegen.cli import main
from edgegen.emulate.toolchain import GCC
from tests.support.small import small_model


@pytest.mark.skipif(shutil.which(GCC) is None, reason=f"{GCC} is missing")
def test_run_writes_its_figures(tmp_path: Path) -> None:
    model, path = small_model(tmp_path), tmp_path / "run.json"
    arguments = ["run", str(model), "-b", "pico", "--report", str(path)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    report = json.loads(path.read_text())
    stack = report["stack"]
    assert 0 < stack["measured"] <= stack["worst_case"] < 1024
    assert stack["chain"][0]["function"] == "small_run"
    assert sum(entry["bytes"] for entry in stack["chain"]) == stack["worst_case"]
    assert f"stack {stack['worst_case']} bytes at most ({stack['measured']} measured)" in (
        result.output
    )
    assert (report["board"], report["core"], report["compiler_option"]) == ("rp2040", "m0+", "-O2")
    assert "CONV_2D" in {row["op"] for row in report["layers"]}
    assert report["instructions"] >= sum(row["instructions"] for row in report["layers"])


@pytest.mark.skipif(shutil.which(GCC) is None, reason=f"{GCC} is missing")
def test_a_stack_that_cannot_be_followed_says_why(tmp_path: Path) -> None:
    """Without optimisation GCC keeps the stack pointer in another register."""
    model, path = small_model(tmp_path), tmp_path / "run.json"
    arguments = ["run", str(model), "-b", "pico", "--opt", "-O0", "--report", str(path)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    stack = json.loads(path.read_text())["stack"]
    assert (stack["worst_case"], stack["chain"]) == (None, [])
    assert "mov sp" in stack["why_not"]
    assert "worst case not computed" in result.output
