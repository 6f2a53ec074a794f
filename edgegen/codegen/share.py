"""Constants that several models in one image have in common are stored by the first of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgegen.codegen.package import Package, Symbol


def share_constants(packages: Sequence[Package]) -> tuple[Package, ...]:
    """The packages with arrays of equal type and bytes stored once, in order.

    What a package then reads from another's file is in its `foreign`.
    """
    known: dict[tuple[str, bytes], Symbol] = {}
    shared = []
    for package in packages:
        own, foreign = [], []
        renamed: dict[str, str] = {}
        for symbol in package.symbols:
            found = known.setdefault((symbol.data.dtype.str, symbol.data.tobytes()), symbol)
            if found is symbol:
                own.append(symbol)
            else:
                foreign.append(found)
                renamed[symbol.name] = found.name
        layers = tuple(
            replace(
                layer,
                constants={role: renamed.get(name, name) for role, name in layer.constants.items()},
            )
            for layer in package.layers
        )
        shared.append(replace(package, symbols=tuple(own), foreign=tuple(foreign), layers=layers))
    return tuple(shared)
