"""What all tests share."""

from __future__ import annotations

import os

# One thread for numpy's matrix products: tests run side by side already.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
