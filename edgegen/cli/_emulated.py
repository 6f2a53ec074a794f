"""`edgegen run` with an emulator named: firmware that talks through its UART."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import click

from edgegen.cli.common import console, emulation, progress
from edgegen.codegen.writer import write_files
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


def through_uart(
    models: Sequence[Path],
    board: str,
    inputs: Path | None,
    options: Options,
    emulator: str | None,
    emit: Path | None,
    talk: Talk,
    others: Mapping[str, object],
) -> bool:
    """Runs or writes what is to be run through its UART; False if that is not what is asked for.

    Args:
        models: models or an image.
        board: its name.
        inputs: for a model.
        options: of its compilation.
        emulator: the one asked for.
        emit: the folder for Renode's files.
        talk: for an image.
        others: options that go with runs of the library alone: name and value.
    """
    if emit is not None:
        if emulator != "renode" or len(models) > 1:
            raise InputError(Problem("--emit is for one model or image and --emulator renode"))
        emit_renode(models[0], board, options, emit)
        return True
    if models[0].suffix.lower() in IMAGES:
        if inputs is not None or len(models) > 1:
            what = "--inputs is" if inputs is not None else "a second file is"
            raise InputError(
                Problem(
                    f"{what} not for an image: {models[0].name!r} runs as it is",
                    hint="--send writes to its console; give a model to have its outputs compared",
                )
            )
        run_image(models[0], board, emulator, talk)
        return True
    if talk.send or talk.until:
        raise InputError(
            Problem(
                "--send and --until are for an image",
                why=f"{models[0].name!r} is none: its name does not end in {' or '.join(IMAGES)}",
            )
        )
    if emulator is None and load_board(board).core.unicorn_model is None:
        emulator = "qemu"
    if emulator is None:
        return False
    for option, value in others.items():
        if value:
            raise InputError(Problem(f"--{option} is not for --emulator"))
    if len(models) > 1:
        raise InputError(Problem("--emulator runs one model", hint="run them one by one"))
    run_in_emulator(models[0], board, inputs, options, emulator, talk.seconds)
    return True


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


def emit_renode(path: Path, board: str, options: Options, folder: Path) -> None:
    """Writes what Renode needs to run a firmware image, or the console with a model."""
    with emulation():
        from edgegen.emulate.firmware_run import built_firmware
        from edgegen.emulate.renode import read_elf, renode_files
    target = options.places.on(load_board(board))
    is_image = path.suffix.lower() in IMAGES
    files = {
        folder / name: text.encode()
        for name, text in renode_files(target, console=not is_image).items()
    }
    if is_image:
        image = read_elf(path)
    else:
        options = options.within(target)
        name = model_name(path, options)
        compilation = compile_model(load_model(path), name, options.core(target), options)
        with built_firmware(compilation, target, options) as built:
            image = built.elf.read_bytes()
    write_files({**files, folder / "firmware.elf": image})
    console().print(
        f"{', '.join(sorted(p.name for p in files))} and firmware.elf -> {folder}\n"
        f"run them with `renode {folder / 'run.resc'}` and `start`, "
        f"or `renode-test {folder / 'test.robot'}`"
    )


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
