"""Damaged model files: nothing but an EdgegenError, no hang, no flood of memory."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.models import ROOT

MUTANTS = {"tflite": 2000, "onnx": 750, "nodes": 250}
CHUNK = 250


@pytest.mark.parametrize(
    ("form", "first"), [(f, k) for f, count in MUTANTS.items() for k in range(0, count, CHUNK)]
)
def test_damaged_models_are_refused_politely(form: str, first: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.worker", form, str(first), str(first + CHUNK)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=540,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    result = json.loads(done.stdout)
    failures = result["failures"]
    assert not failures, "\n\n".join(f"mutant {k}:\n{v}" for k, v in list(failures.items())[:5])
    # Damage must really reach the reader, and some of it (weights) must do no harm.
    assert result["counts"]["refused"] > CHUNK // 4
    assert result["counts"]["compiled"] > 0
