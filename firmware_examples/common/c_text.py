"""Arrays as C: how the examples' scripts write their headers."""

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

_WIDTH = 96


def array(kind: str, name: str, values: npt.ArrayLike, *, static: bool = True) -> str:
    """A constant array of one or two dimensions."""
    stored = np.asarray(values)
    extents = "".join(f"[{extent}]" for extent in stored.shape)
    if stored.ndim == 1:
        body = _wrapped(map(str, stored.tolist()), "    ")
    else:
        rows = (_wrapped(map(str, row), "     ").rstrip("\n,") for row in stored.tolist())
        body = "".join(f"    {{{row.lstrip()}}},\n" for row in rows)
    linkage = "static " if static else ""
    return f"{linkage}const {kind} {name}{extents} = {{\n{body}}};\n"


def header(
    guard: str,
    what: str,
    arrays: Mapping[str, tuple[str, npt.ArrayLike]],
    numbers: Mapping[str, str] | None = None,
) -> str:
    """A header file.

    Args:
        guard: name of the include guard.
        what: comment at its top.
        arrays: type and values by name.
        numbers: macros by name.
    """
    parts = [f"/* {what} */", f"#ifndef {guard}", f"#define {guard}", "", "#include <stdint.h>", ""]
    parts += [f"#define {name} {value}" for name, value in (numbers or {}).items()]
    parts += [""] * bool(numbers)
    parts += [array(kind, name, values) for name, (kind, values) in arrays.items()]
    return "\n".join([*parts, "#endif", ""])


def _wrapped(words: Iterable[str], indent: str) -> str:
    lines, line = [], indent
    for word in words:
        if len(line) + len(word) + 2 > _WIDTH:
            lines.append(line.rstrip() + "\n")
            line = indent
        line += word + ", "
    return "".join([*lines, line.rstrip() + "\n"])
