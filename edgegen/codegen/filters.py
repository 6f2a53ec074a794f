"""Jinja filters: small pure functions, each with a runnable example."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence


def c_comment(text: str) -> str:
    r"""Makes `text` safe inside a C comment.

    >>> c_comment("a */ b /* c ??/ \\")
    'a * / b / * c ? ?/ /'
    """
    safe = text.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?").replace("\\", "/")
    return "".join(ch if 32 <= ord(ch) < 127 else "?" for ch in safe)


def c_string(text: str) -> str:
    r"""A C string literal holding `text` as UTF-8.

    >>> c_string('a"b')
    '"a\\"b"'
    """
    out = []
    for byte in text.encode():
        if byte in b'"\\':
            out.append("\\" + chr(byte))
        elif 32 <= byte < 127 and byte != ord("?"):
            out.append(chr(byte))
        else:
            out.append(f"\\{byte:03o}")
    return '"' + "".join(out) + '"'


def c_int32(value: int) -> str:
    """A literal of type int32_t; the most negative value has no plain literal in C.

    >>> c_int32(-5), c_int32(-2147483648)
    ('-5', '(-2147483647 - 1)')
    """
    return "(-2147483647 - 1)" if value == -(2**31) else str(value)


def wrap_values(values: Iterable[str], width: int = 96, indent: int = 4) -> str:
    """Joins literals with commas into lines of at most `width` columns.

    >>> print(wrap_values(["1", "22", "333"], width=12, indent=4))
        1, 22,
        333
    """
    lines: list[str] = []
    line = ""
    for value in values:
        piece = value if not line else f"{line}, {value}"
        if line and indent + len(piece) + 1 > width:
            lines.append(line + ",")
            line = value
        else:
            line = piece
    if line:
        lines.append(line)
    return "\n".join(" " * indent + text for text in lines)


def shape_text(shape: Sequence[int]) -> str:
    """A shape as people write it.

    >>> shape_text((1, 49, 10, 1))
    '1x49x10x1'
    """
    return "x".join(str(d) for d in shape) if shape else "scalar"


def placed(code: str, macro: str) -> str:
    r"""Puts `macro` before every function that `code` defines; functions start at column 0.

    >>> print(placed("static int f(void)\n{\n}\nstatic const int k = (1);", "KWS_KERNEL"))
    KWS_KERNEL static int f(void)
    {
    }
    static const int k = (1);
    """
    return _FUNCTION.sub(rf"{macro} \g<0>", code) if macro else code


_FUNCTION = re.compile(r"^(?:__attribute__\(\(.*?\)\) )?static [^=;(]*\(", re.MULTILINE)

ALL: dict[str, Callable[..., str]] = {
    "c_comment": c_comment,
    "c_string": c_string,
    "c_int32": c_int32,
    "wrap_values": wrap_values,
    "shape_text": shape_text,
    "placed": placed,
}
