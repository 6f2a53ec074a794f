"""C identifiers from names of models and tensors: valid, readable, free of collisions."""

from __future__ import annotations

import re
from collections.abc import Iterable

# C99 6.4.1, the C11 and C23 additions that compilers already reserve, and C++ words, since
# headers are included from C++ too.
KEYWORDS = frozenset(
    """
    auto break case char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static struct switch typedef
    union unsigned void volatile while _Bool _Complex _Imaginary
    alignas alignof bool constexpr false nullptr static_assert thread_local true typeof asm
    and and_eq bitand bitor catch class compl concept const_cast decltype delete dynamic_cast
    explicit export final friend import module mutable namespace new noexcept not not_eq operator
    or or_eq override private protected public reinterpret_cast requires static_cast template this
    throw try typeid typename using virtual wchar_t xor xor_eq
    main errno assert NULL
    """.split()
)

# Headers that NAME.h would stand in front of, on every include path that has the library: those of
# C99 (7.1.2), C11 and C23, some that C libraries include themselves, and Arduino.h where file
# systems ignore case.
HEADERS = frozenset(
    """
    assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign
    stdarg stdatomic stdbit stdbool stdckdint stddef stdint stdio stdlib stdnoreturn string tgmath
    threads time uchar wchar wctype
    alloca endian features malloc memory newlib reent sched strings unistd arduino
    """.split()
)
# Targets of CMake's own that every project has (policy CMP0037).
TARGETS = frozenset(("all", "clean", "edit_cache", "help", "install", "rebuild_cache"))


def identifier(text: str, fallback: str = "model") -> str:
    """A lower-case C identifier that resembles `text`.

    >>> identifier("Person-Detect v2"), identifier("3d"), identifier("int"), identifier("ä")
    ('person_detect_v2', 'm_3d', 'int_', 'model')
    """
    name = re.sub(r"[^0-9a-z]+", "_", text.lower()).strip("_")
    if not name:
        return fallback
    if name[0].isdigit():
        name = f"m_{name}"
    return f"{name}_" if name in KEYWORDS else name


def is_identifier(text: str) -> bool:
    """Whether `text` can be used as a model's name in C as it stands.

    >>> is_identifier("kws"), is_identifier("2kws"), is_identifier("while")
    (True, False, False)
    """
    return bool(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", text)) and text not in KEYWORDS


def library_name(text: str) -> str:
    """A name for a library that resembles `text`: of C identifiers, a header and a CMake target.

    >>> library_name("KWS v2"), library_name("string"), library_name("clean")
    ('kws_v2', 'string_', 'clean_')
    """
    name = identifier(text)
    return name if why_not_library(name) is None else f"{name}_"


def why_not_library(text: str) -> str | None:
    """Why `text` cannot be a library's name as it stands, or None if it can.

    >>> why_not_library("kws"), why_not_library("time")
    (None, 'time.h is a header of the C library')
    """
    if not is_identifier(text):
        return "it has to be a C identifier, and no keyword"
    if text.lower() in HEADERS:
        return f"{text}.h is a header of {'Arduino' if text == 'arduino' else 'the C library'}"
    if text in TARGETS:
        return "CMake has a target of that name"
    return None


def unique(texts: Iterable[str], fallback: str) -> tuple[str, ...]:
    """Identifiers for all of `texts`, numbered where two would be equal.

    >>> unique(["a", "A", "b/c", "a_1"], "x")
    ('a', 'a_2', 'b_c', 'a_1')
    """
    wanted = [identifier(text, fallback) for text in texts]
    used: set[str] = set()
    result = []
    for name in wanted:
        candidate, number = name, 2
        while candidate in used or (candidate != name and candidate in wanted):
            candidate, number = f"{name}_{number}", number + 1
        used.add(candidate)
        result.append(candidate)
    return tuple(result)


def tensor_identifiers(names: Iterable[str], fallback: str) -> tuple[str, ...]:
    """Accessor names of graph inputs or outputs: converters' decoration is dropped.

    >>> tensor_identifiers(["serving_default_image:0", "StatefulPartitionedCall:1"], "input")
    ('image', 'statefulpartitionedcall_1')
    """
    short = []
    for name in names:
        last = name.rsplit(";", 1)[-1]
        last = re.sub(r"^serving_default_", "", last)
        short.append(re.sub(r":0$", "", last))
    return unique(short, fallback)
