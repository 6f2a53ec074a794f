"""Every operator case, every kernel, every format: compiled C on the host under sanitizers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.batch import failures, run_on_host, variants
from tests.support.cases import stems


@pytest.mark.parametrize("core", ["m0+", "m3", "m4"])
@pytest.mark.parametrize("stem", stems())
def test_compiled_c_equals_the_oracle(stem: str, core: str, tmp_path: Path) -> None:
    group = variants(stem, core)
    if core != "m0+":
        # The scalar kernels are the same C for every core: once is enough.
        group = [v for v in group if not v.label.split()[0].endswith(("/scalar", "/scalar_rows"))]
    if not group:
        pytest.skip(f"{stem} has no kernel of its own for {core}")
    assert failures(group, run_on_host(group, tmp_path)) == []
