"""The command line: one module a command, found by listing this folder; no logic.

A module `edgegen/cli/<command>.py` defines a click command called `command`; its dashes are
underscores in the file's name. `common` and modules with a leading underscore are no commands.
"""

from __future__ import annotations

import importlib
import pkgutil

import click

from edgegen import __version__


class _Commands(click.Group):
    """Imports a command's module when it is asked for: `--help` of one needs none of the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        names = (m.name for m in pkgutil.iter_modules(__path__))
        return sorted(
            n.replace("_", "-")
            for n in names
            if n not in ("common", "placement", "reading") and not n.startswith("_")
        )

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"{__name__}.{cmd_name.replace('-', '_')}")
        command = module.command
        assert isinstance(command, click.Command)
        return command


@click.command(cls=_Commands)
@click.version_option(__version__, prog_name="edgegen")
def main() -> None:
    """Compile INT8 neural networks to exact, self-contained C for microcontrollers."""
