"""Every operator case, every kernel, every format: compiled C on the host under sanitizers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.batch import failures, run_on_host, variants
from tests.support.cases import stems

FULL = bool(os.environ.get("EDGEGEN_FULL"))
PLAIN = ("scalar", "scalar_rows", "scalar_sums", "scalar_in_place", "channel_rows")
"""Kernels that are the same C for every core: once is enough."""
SAMPLE = {"m3": 2}
"""By default every so many variants: it shares kernels with m0+, which runs all."""


@pytest.mark.parametrize("core", ["m0+", "m3", "m4"])
@pytest.mark.parametrize("stem", stems())
def test_compiled_c_equals_the_oracle(stem: str, core: str, tmp_path: Path) -> None:
    group = variants(stem, core)
    if core != "m0+":
        group = [v for v in group if v.label.split()[0].split("/")[-1] not in PLAIN]
    if not group:
        pytest.skip(f"{stem} has no kernel of its own for {core}")
    if not FULL:
        group = group[:: SAMPLE.get(core, 1)]
    assert failures(group, run_on_host(group, tmp_path)) == []
