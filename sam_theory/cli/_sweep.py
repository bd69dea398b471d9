"""``sam-theory sweep``."""

from __future__ import annotations

import contextlib
import math
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from sam_theory.cli._select import unknown
from sam_theory.cli._status import INTERRUPTED
from sam_theory.errors import InputError

if TYPE_CHECKING:
    from sam_theory.sweeps import Progress, SweepResult

__all__ = ["sweep"]


@click.command(
    help="Run a rule on a loss from every point of a grid, on several cores or a cluster.\n\n"
    "FILE says what: loss, rule, axes, starts, steps, observables. The result does not depend on where it is computed. "
    "With --store, tiles of the grid are kept and only what is missing is computed; Ctrl-C keeps finished tiles."
    "\n\n\b\nExample, phase.toml:\n"
    '  loss = "log(cosh(x*y))"\n'
    '  rule = "sam"\n'
    "  starts = [0.5, 3]\n"
    "  steps = 2000\n"
    "  [over]\n"
    "  eta = {linspace = [0.01, 0.6, 128]}\n"
    '  rho = {linspace = ["1/100", "3/5", 128]}\n'
    "  [observe]\n"
    '  largest = {max = "abs(x*y)", last = 100}',
    epilog="Example: sam-theory sweep phase.toml --store tiles --out phase.nc --plot phase.png",
)
@click.argument("file", metavar="FILE.toml")
@click.option("--store", metavar="DIR", help="Keep tiles here, and use those that are there.")
@click.option(
    "--scheduler",
    metavar="WHERE",
    help="serial, local, local:N, or an existing Dask cluster: tcp://host:port or its scheduler FILE.json.  "
    "[default: local]",
)
@click.option("--jobs", metavar="N", type=click.IntRange(min=1), help="Local processes; the same as local:N.")
@click.option("--out", metavar="FILE.nc", help="Write the result as netCDF, for xarray.")
@click.option("--plot", metavar="FILE", help="Draw the result; the ending chooses the format.")
@click.option(
    "--quantity",
    metavar="NAME",
    default="outcome",
    show_default=True,
    help="What is drawn: outcome, step, settled, an observable or a coordinate.",
)
@click.option("--json", metavar="PATH|-", help="Write the summary as JSON; - for stdout.")
def sweep(
    file: str,
    store: str | None,
    scheduler: str | None,
    jobs: int | None,
    out: str | None,
    plot: str | None,
    quantity: str,
    json: str | None,
) -> None:
    """Run a rule on a loss from every point of a grid."""
    from sam_theory.cli._output import check_target, deliver
    from sam_theory.cli._sweep_file import read_sweep

    for target in (out, plot, json):
        check_target(target)
    if out is not None and not out.endswith(".nc"):
        raise InputError(f"--out: {out} must end in .nc")
    if quantity != "outcome" and plot is None:
        raise InputError("--quantity is for the picture; give --plot FILE")
    if scheduler is not None and jobs is not None:
        raise InputError("--scheduler and --jobs both say where to compute; give one of them")
    where = scheduler or ("local" if jobs is None else f"local:{jobs}")
    map, arguments = read_sweep(file)
    known = ["outcome", "step", "settled", *arguments["observe"]]
    known += map.loss.variables if map.loss.dimension is not None else [quantity]
    if quantity not in known:
        raise unknown("quantity", quantity, known)
    if out is not None and find_spec("xarray") is None:
        raise InputError("--out needs xarray; install it with: pip install 'sam-theory[sweeps]'")
    with _kept(store, file, where, jobs) as (root, note):
        result, last = _computed(map, arguments, root, where, note)
        if out is not None:
            result.save(out)
        document = _document(result, last, store)
        draw = None if plot is None else (lambda: result.plot(quantity))
        deliver(document, _text(document), json, plot, draw)


def _computed(
    map: Any, arguments: dict[str, Any], root: str, where: str, note: Callable[[Progress], None]
) -> tuple[SweepResult, Progress]:
    from sam_theory.sweeps import sweep as run

    seen: list[Progress] = []

    with _bar() as show:

        def progress(at: Progress) -> None:
            seen[:] = [at]
            note(at)
            show(at)

        result = run(
            map,
            **arguments,
            store=root,
            scheduler=where,
            progress=progress,
            report=lambda line: click.echo(f"sam-theory: {line}", err=True),
        )
    return result, seen[0]


@contextlib.contextmanager
def _kept(
    store: str | None, file: str, where: str, jobs: int | None
) -> Iterator[tuple[str, Callable[[Progress], None]]]:
    """The store, a temporary one if none is given, which stays where tiles would be lost."""
    from sam_theory.processes import WorkersLost

    root = store or tempfile.mkdtemp(prefix="sam-theory-sweep-")
    at: list[Progress] = []

    def note(progress: Progress) -> None:
        at[:] = [progress]

    def resume() -> str:
        words = ["sam-theory", "sweep", file, "--store", root]
        words += ["--jobs", str(jobs)] if jobs is not None else ["--scheduler", where] if where != "local" else []
        return f"{at[0].done} of {at[0].total} tiles are kept; to go on: {shlex.join(words)}"

    keep = store is not None
    try:
        yield root, note
    except KeyboardInterrupt:
        keep = keep or bool(at and at[0].done)
        click.echo(f"sam-theory: interrupted{f': {resume()}' if at else ''}", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    except (InputError, WorkersLost) as error:
        lost = not keep and bool(at and at[0].done)
        keep = keep or lost
        said = f"; {resume()}" if at and (lost or isinstance(error, WorkersLost)) else ""
        raise InputError(f"{error}{said}") from None
    finally:
        if not keep:
            shutil.rmtree(root, ignore_errors=True)


def _document(result: SweepResult, last: Progress, store: str | None) -> dict[str, Any]:
    said = result.specification
    return {
        "rule": said["rule"]["name"],
        "loss": said["loss"]["name"],
        "axes": {a["name"]: len(a["values"]) for a in said["axes"]},
        "trajectories": math.prod(result.shape),
        "steps": said["steps"],
        "outcomes": last.outcomes,
        "backend": said["backend"],
        "key": result.key,
        "store": store,
        "tiles": last.total,
        "computed": last.total - last.found,
        "seconds": round(last.seconds, 3),
    }


def _text(document: dict[str, Any]) -> str:
    from sam_theory.report import table

    size = document["trajectories"]
    rows = [
        {"outcome": name, "trajectories": str(n), "per cent": f"{100 * n / size:.4g}"}
        for name, n in document["outcomes"].items()
    ]
    grid = " x ".join(f"{name} {n}" for name, n in document["axes"].items())
    kept = "" if document["store"] is None else f", {document['tiles'] - document['computed']} were in the store"
    return (
        f"{table(rows)}# {document['rule']} on {document['loss']}: {grid}, {document['steps']} steps, "
        f"backend {document['backend']}\n# {document['tiles']} tiles{kept}; {document['seconds']:.1f} s; "
        f"key {document['key'][:16]}\n"
    )


@contextlib.contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    """Tiles, trajectories a second and remaining time on stderr if that is a terminal, otherwise nothing."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("tiles"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[said]}", markup=False))
    options: dict[str, Any] = {"transient": True, "redirect_stdout": False, "redirect_stderr": False}
    # Without a thread that draws: a process of one thread can be copied, where workers else start anew.
    with Bar(*columns, console=Console(stderr=True), auto_refresh=False, **options) as bar:
        task = bar.add_task("tiles", total=None, said="")

        def show(at: Progress) -> None:
            said = "" if not at.computed else f"{_rate(at.rate)} trajectories/s, {_duration(at.remaining)} left"
            bar.update(task, total=at.total, completed=at.done, said=said, refresh=True)

        yield show


def _rate(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60}:{whole % 60:02d} min" if whole < 3600 else f"{whole // 3600}:{whole % 3600 // 60:02d} h"
