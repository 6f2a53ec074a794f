"""What a board file says of PlatformIO: its names for the board, a manifest where it has none."""

from __future__ import annotations

from dataclasses import dataclass

from edgegen.target.toml_table import Table


@dataclass(frozen=True)
class Manifest:
    """What PlatformIO must be told of a board that it does not know.

    Attributes:
        vendor: who makes the board.
        url: its page.
        upload: how PlatformIO writes it: one of its platform's upload protocols.
        jlink_device: SEGGER's name of the part; empty where no J-Link is used.
    """

    vendor: str
    url: str
    upload: str
    jlink_device: str = ""


@dataclass(frozen=True)
class PlatformIo:
    """PlatformIO's names for the board.

    Attributes:
        platform: the development platform.
        board: the board's.
        manifest: for a board that the platform does not have; projects bring it along.
    """

    platform: str
    board: str
    manifest: Manifest | None = None


def read_platformio(root: Table) -> PlatformIo | None:
    """Reads the table `[platformio]`, None where there is none."""
    if not root.has("platformio"):
        return None
    table = root.table("platformio")
    manifest = None
    if table.has("manifest"):
        inner = table.table("manifest")
        manifest = Manifest(
            vendor=inner.get("vendor", str),
            url=inner.get("url", str),
            upload=inner.get("upload", str),
            jlink_device=inner.get("jlink_device", str, ""),
        )
        if manifest.upload == "jlink" and not manifest.jlink_device:
            inner.problem("is missing; upload 'jlink' needs it", "jlink_device")
        inner.finish()
    names = PlatformIo(table.get("platform", str), table.get("board", str), manifest)
    table.finish()
    return names
