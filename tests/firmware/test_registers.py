"""Registers and bits that board.c names, against the makers' SVD files, which pyOCD carries."""

from __future__ import annotations

import functools
import importlib.util
import re
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import pytest

from edgegen.firmware.hal import hal_files
from edgegen.target.board import list_boards, load_board

FILES = {
    "stm32f0": "STM32F0xx.svd",
    "stm32f1": "STM32F103xx.svd",
    "stm32f4": "STM32F429x.svd",
    "stm32l4": "STM32L4x5.svd",
    "nrf52": "nrf52840.svd",
}
BOARDS = [b.name for b in list_boards() if b.soc and b.soc.family in FILES and b.clock]
DEFINE = re.compile(r"^#define (\w+) REG\(0x([0-9A-Fa-f]+)u(?: \+ 0x([0-9A-Fa-f]+)u)?\)$", re.M)
BIT = re.compile(r"(?:^ +|wait_for\(&)(\w+)(?: \|= |, )1u << (\d+)[;,].*/\* (\w+)", re.M)
# The core's own are in no SVD file.
CORE = ("DEMCR", "DWT_", "SYST_")
# The L4x5's file leaves out what the L4+ has: boost mode, and the low-power UART's prescaler.
# The nRF52840's is older than the revisions with a debug port that firmware opens.
ABSENT = {
    ("stm32l4", "PWR_CR5"),
    ("stm32l4", "LPUART_PRESC"),
    ("nrf52", "APPROTECT_DISABLE"),
}

Register = dict[str, int]


def data() -> Path | None:
    found = importlib.util.find_spec("pyocd")
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / "debug/svd/svd_data.zip"


needs_svd = pytest.mark.skipif(data() is None, reason="pyocd, with its SVD files, is not installed")


@functools.cache
def registers(file: str) -> dict[tuple[str, str], tuple[int, Register]]:
    """Address and fields, by peripheral and register."""
    archive = data()
    assert archive is not None
    with zipfile.ZipFile(archive) as opened:
        root = ET.fromstring(opened.read(file))
    peripherals = {p.findtext("name", ""): p for p in root.iter("peripheral")}
    found = {}
    for name, peripheral in peripherals.items():
        source = peripherals.get(peripheral.get("derivedFrom", ""), peripheral)
        base = int(peripheral.findtext("baseAddress", "0"), 0)
        for holder, prefix, offset in walk(source.find("registers"), "", 0):
            label = prefix + holder.findtext("name", "").replace("%s", "").removesuffix("[]")
            fields = {f.findtext("name", ""): position(f) for f in holder.iter("field")}
            place = base + offset + int(holder.findtext("addressOffset", "0"), 0)
            found[name.upper(), label] = place, fields
    return found


def walk(node: ET.Element | None, prefix: str, offset: int) -> list[tuple[ET.Element, str, int]]:
    found = []
    for child in node if node is not None else ():
        if child.tag == "register":
            found.append((child, prefix, offset))
        elif child.tag == "cluster":
            inner = offset + int(child.findtext("addressOffset", "0"), 0)
            name = child.findtext("name", "").removesuffix("[%s]")
            found += walk(child, f"{prefix}{name}_", inner)
    return found


def position(field: ET.Element) -> int:
    offset = field.findtext("bitOffset") or field.findtext("lsb")
    if offset is not None:
        return int(offset, 0)
    found = re.fullmatch(r"\[\d+:(\d+)\]", field.findtext("bitRange", ""))
    assert found is not None
    return int(found[1])


def look_up(
    known: dict[tuple[str, str], tuple[int, Register]], name: str, uart: str
) -> tuple[int, Register] | None:
    """What the file has for a name of board.c: peripheral, underscore, register."""
    peripheral, _, register = name.partition("_")
    places = [uart] if peripheral in ("USART", "LPUART", "UARTE") else [peripheral, peripheral[:-1]]
    for place in places:
        for label in (register, f"TASKS_{register}", f"EVENTS_{register}"):
            if (place, label) in known:
                return known[place, label]
    return None


@needs_svd
@pytest.mark.parametrize("name", BOARDS)
def test_registers_are_where_the_manufacturer_says(name: str) -> None:
    board = load_board(name)
    assert board.soc is not None
    assert board.console is not None
    known = registers(FILES[board.soc.family])
    text = hal_files(board)["board.c"]
    compared = bits = 0
    for label, base, offset in DEFINE.findall(text):
        if label.startswith(CORE) or (board.soc.family, label) in ABSENT:
            continue
        found = look_up(known, label, board.console.uart.upper())
        assert found is not None, f"{label} is in no SVD file"
        assert int(base, 16) + int(offset or "0", 16) == found[0], label
        compared += 1
    for label, bit, field in BIT.findall(text):
        found = look_up(known, label, board.console.uart.upper())
        if found is None or field in ("port", board.console.uart.upper()):
            continue
        assert found[1].get(field) == int(bit), f"{label}.{field}"
        bits += 1
    assert compared >= 8
    assert bits >= 4 or board.soc.family == "nrf52"
