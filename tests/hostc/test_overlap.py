"""Outputs that overlap their inputs, in compiled C: compilers may reorder what they think apart."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from edgegen.verify.host import SANITIZERS
from tests.support.batch import Variant, run_on_host
from tests.support.overlap import overlapping, picked, right

FULL = bool(os.environ.get("EDGEGEN_FULL"))


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("core", ["m0+", "m3", "m4"])
def test_results_stand_where_buffers_overlap(core: str, compiler: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is missing")
    group = [pair.safe for pair in overlapping(picked(core, None if FULL else 1))]
    if not FULL:
        group = _one_each(group)
    flags = (*SANITIZERS, "-O2")
    for start in range(0, len(group), 60):
        folder = tmp_path / str(start)
        folder.mkdir()
        part = group[start : start + 60]
        for one, output in zip(part, run_on_host(part, folder, compiler, flags), strict=True):
            assert right(one, output), f"{one.case.id} [{one.label}]"


def _one_each(group: list[Variant]) -> list[Variant]:
    """The first variant of each kernel."""
    found: dict[str, Variant] = {}
    for one in group:
        found.setdefault(one.label.split()[0], one)
    return list(found.values())
