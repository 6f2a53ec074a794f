"""`edgegen bench`."""

from __future__ import annotations

from pathlib import Path

import click

from edgegen.cli.common import console, emulation, reports_errors
from edgegen.errors import InputError, Problem


@click.command(name="bench")
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--core", "cores", multiple=True, help="Cores to run on; default: all.")
@click.option("--level", "levels", multiple=True, help="Default: all.")
@click.option("--ledger", type=click.Path(path_type=Path), help="Folder of JSON files to update.")
@reports_errors
def command(
    models: tuple[Path, ...], cores: tuple[str, ...], levels: tuple[str, ...], ledger: Path | None
) -> None:
    """Measure MODELS on emulated cores and keep a ledger of the figures."""
    with emulation():
        from edgegen.emulate.bench import BENCH_BOARDS, LEVELS
        from edgegen.emulate.bench import bench as measure_all
        from edgegen.report.bench_table import print_bench
    unknown = [c for c in cores if c not in BENCH_BOARDS]
    if unknown:
        raise InputError(
            Problem(f"unknown cores {unknown}", hint="cores: " + ", ".join(BENCH_BOARDS))
        )
    missing = [x for x in levels if x not in LEVELS]
    if missing:
        raise InputError(Problem(f"unknown levels {missing}", hint="levels: " + ", ".join(LEVELS)))
    rows = measure_all(models, cores or tuple(BENCH_BOARDS), levels or tuple(LEVELS), ledger)
    print_bench(console(), rows)
