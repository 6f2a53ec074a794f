"""Tiny model libraries with the contract of generated ones, for the emulator's own tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgegen.emulate.firmware import ModelLibrary
from edgegen.target.board import Board, list_boards

if TYPE_CHECKING:
    from pathlib import Path

BYTES = 8


def arm_boards() -> list[Board]:
    """The boards whose core Unicorn has."""
    return [board for board in list_boards() if board.core.unicorn_model]


HEADER = """\
#ifndef {NAME}_H
#define {NAME}_H
#include <stdint.h>
#define {NAME}_INPUT_BYTES 8
#define {NAME}_OUTPUT_BYTES 8
#define {NAME}_ARENA_BYTES 24
typedef struct {{ int8_t bytes[{NAME}_ARENA_BYTES]; }} {name}_arena_t;
int8_t *{name}_input({name}_arena_t *arena);
const int8_t *{name}_output({name}_arena_t *arena);
void {name}_run({name}_arena_t *arena);
#endif
"""

COMMON = """\
#include "{name}.h"
int8_t *{name}_input({name}_arena_t *arena) {{ return arena->bytes; }}
const int8_t *{name}_output({name}_arena_t *arena) {{ return arena->bytes + 16; }}
"""

TWO_LAYERS = """\
extern const int8_t {name}_weights[8];

__attribute__((noinline)) static void {name}_layer_00_scale({name}_arena_t *arena)
{{
    for (int i = 0; i < 8; ++i) {{
        arena->bytes[8 + i] = (int8_t)(arena->bytes[i] * {name}_weights[i]);
    }}
}}

__attribute__((noinline)) static void {name}_layer_01_add({name}_arena_t *arena)
{{
    for (int i = 0; i < 8; ++i) {{
        arena->bytes[16 + i] = (int8_t)(arena->bytes[8 + i] + {bias});
    }}
}}

void {name}_run({name}_arena_t *arena)
{{
    {name}_layer_00_scale(arena);
    {name}_layer_01_add(arena);
}}
"""

WEIGHTS = """\
#include <stdint.h>
extern const int8_t {name}_weights[8];
const int8_t {name}_weights[8] = {{1, 2, 3, 4, 5, 6, 7, 8}};
"""

ASSEMBLER = """\
    .syntax unified
    .thumb
    .macro function name
    .section .text.\\name, "ax"
    .balign 4
    .global \\name
    .type \\name, %function
    .thumb_func
\\name:
    .endm
"""


def two_layers(folder: Path, name: str = "toy", bias: int = 1) -> ModelLibrary:
    """A model of 8 bytes: multiply by 1..8, then add `bias`; see `expected`."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {"name": name, "NAME": name.upper(), "bias": bias}
    (folder / f"{name}.h").write_text(HEADER.format(**values), encoding="utf-8")
    main, weights = folder / f"{name}.c", folder / f"{name}_weights.c"
    main.write_text((COMMON + TWO_LAYERS).format(**values), encoding="utf-8")
    weights.write_text(WEIGHTS.format(**values), encoding="utf-8")
    return ModelLibrary.single(name, [main, weights], folder)


def layer_names(name: str = "toy") -> tuple[str, str]:
    """The functions of the layers of `two_layers`."""
    return f"{name}_layer_00_scale", f"{name}_layer_01_add"


def expected(data: bytes, bias: int = 1) -> bytes:
    """What `two_layers` makes of `data`."""
    return bytes((value * (i % BYTES + 1) + bias) & 255 for i, value in enumerate(data))


def from_c(folder: Path, body: str, name: str = "toy") -> ModelLibrary:
    """A model whose run function and all it needs are C in `body`."""
    return _one_file(folder, name, "c", COMMON.format(name=name) + body)


def from_assembler(folder: Path, body: str, name: str = "toy") -> ModelLibrary:
    """A model whose run function and all it needs are assembler; `function f` begins one."""
    library = _one_file(folder, name, "c", COMMON.format(name=name))
    code = folder / f"{name}_code.S"
    code.write_text(ASSEMBLER + body, encoding="utf-8")
    return ModelLibrary.single(name, [*library.sources, code], folder)


def _one_file(folder: Path, name: str, suffix: str, text: str) -> ModelLibrary:
    folder.mkdir(parents=True, exist_ok=True)
    header = HEADER.format(name=name, NAME=name.upper())
    (folder / f"{name}.h").write_text(header, encoding="utf-8")
    source = folder / f"{name}.{suffix}"
    source.write_text(text, encoding="utf-8")
    return ModelLibrary.single(name, [source], folder)
