"""Discovers the kernels: every concrete `Kernel` subclass in the modules of this folder."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from typing import Any

from edgegen.errors import InternalError
from edgegen.ir import Op
from edgegen.kernels.base import Kernel
from edgegen.kernels.rows import ByRows, RowKernel

AnyKernel = Kernel[Any]


@functools.cache
def kernels() -> tuple[AnyKernel, ...]:
    """One instance of every kernel, ordered by operator and name."""
    import edgegen.kernels as package

    found: dict[str, AnyKernel] = {}
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(info.name)
        for _, cls in inspect.getmembers(module, inspect.isclass):
            if (
                issubclass(cls, Kernel)
                and not inspect.isabstract(cls)
                and cls is not ByRows
                and cls.__module__ == module.__name__
            ):
                kernel = cls()
                if kernel.path in found:
                    raise InternalError(f"two kernels are called {kernel.path}")
                found[kernel.path] = kernel
    return tuple(found[path] for path in sorted(found))


@functools.cache
def kernels_for(op: type[Op]) -> tuple[AnyKernel, ...]:
    """All kernels of an operator that compute it as a whole."""
    return tuple(k for k in kernels() if k.op is op and not isinstance(k, RowKernel))


@functools.cache
def row_kernels_for(op: type[Op]) -> tuple[RowKernel[Any], ...]:
    """All ways to compute an operator row by row: its own kernels for it, and the others' rows."""
    own = tuple(k for k in kernels() if k.op is op and isinstance(k, RowKernel))
    return own + tuple(ByRows(k) for k in kernels_for(op))
