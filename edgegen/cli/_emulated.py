"""`edgegen run` with an emulator named: firmware that talks through its UART."""

from __future__ import annotations

import codecs
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import click

from edgegen.cli.common import console, emulation, progress
from edgegen.errors import EdgegenError, InputError, Problem
from edgegen.pipeline import Options, compile_model, load_model, model_name
from edgegen.report.board_table import print_board_verdict
from edgegen.target.board import load_board
from edgegen.verify.vectors import load_vectors, standard_vectors

IMAGES = (".elf", ".uf2", ".bin")
"""Suffixes of firmware, as against models."""


class SilentError(EdgegenError):
    """The firmware did not say what was waited for."""

    title = "the firmware did not say what was waited for"


@dataclass(frozen=True)
class Talk:
    """What to do with the console of an image.

    Attributes:
        send: what to send; with escapes as in a C string.
        until: what to wait for.
        seconds: for how long at most.
    """

    send: str
    until: str
    seconds: float


def run_image(image: Path, board: str, emulator: str | None, talk: Talk) -> None:
    """Runs firmware that is there already, and shows what its UART says.

    Raises:
        SilentError: `talk.until` did not come.
    """
    with emulation():
        from edgegen.emulate.firmware_run import converse
        from edgegen.emulate.ladder import start
    with closing(start(image, load_board(board), emulator)) as session:
        click.echo(f"{image.name} in {session.emulator}", err=True)
        said = converse(
            session,
            send=_unescaped(talk.send),
            until=talk.until,
            seconds=talk.seconds,
            show=lambda text: click.echo(text.replace("\r\n", "\n"), nl=False),
        )
        if said and not said.endswith("\n"):
            click.echo()
        for name, count in (("instructions", session.instructions), ("cycles", session.cycles)):
            if count is not None:
                click.echo(f"{count:,} {name}", err=True)
        if talk.until and talk.until not in said:
            raise SilentError(
                Problem(
                    f"no {talk.until!r} within {talk.seconds:g} s",
                    why="it waits for input" if session.waits else "",
                )
            )
        if session.exit_code:
            sys.exit(session.exit_code)


def _unescaped(text: str) -> str:
    try:
        return codecs.decode(text, "unicode_escape")
    except UnicodeDecodeError as error:
        raise InputError(Problem(f"--send: {error.reason} in {text!r}")) from error


def run_in_emulator(
    model: Path, board: str, inputs: Path | None, options: Options, emulator: str, seconds: float
) -> None:
    """Builds a firmware project of a model and runs the inputs through its console."""
    with emulation():
        from edgegen.emulate.firmware_run import board_for, run_firmware
    target = options.places.on(board_for(load_board(board), emulator))
    options = options.within(target)
    name = model_name(model, options)
    compilation = compile_model(load_model(model), name, options.core(target), options)
    graph = compilation.source
    vectors = load_vectors(inputs, graph) if inputs else standard_vectors(graph, random=1)
    run = run_firmware(
        compilation,
        target,
        vectors,
        emulator=emulator,
        options=options,
        patience_s=seconds,
        track=lambda numbers: progress(numbers, f"{name} in {emulator}"),
    )
    out = console()
    print_board_verdict(out, name, run.verdict, vectors.title)
    counted = [
        f"{count:,} {what}"
        for what, count in (("instructions", run.instructions), ("cycles", run.cycles))
        if count is not None
    ]
    out.print(
        f"firmware in {run.emulator}: flash {run.flash:,} bytes, RAM {run.ram:,} bytes"
        + (f"; from reset to the end {', '.join(counted)}" if counted else "")
    )
