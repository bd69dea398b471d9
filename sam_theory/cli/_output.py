"""Where results go: stdout, files, and a progress bar on stderr."""

from __future__ import annotations

import contextlib
import json as json_text
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sam_theory.cli._status import INTERRUPTED
from sam_theory.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sam_theory.verdicts import Result

__all__ = ["ascii_only", "check_target", "deliver", "print_results", "progress_bar", "save_picture", "version", "write"]

STDOUT = "-"


def version() -> str:
    """The version of the package."""
    import sam_theory

    return str(sam_theory.__version__)


def ascii_only() -> bool:
    """Whether stdout cannot show more than ASCII."""
    return not (getattr(sys.stdout, "encoding", None) or "ascii").lower().startswith("utf")


def check_target(path: str | None) -> None:
    """Refuse a file that cannot be written, before any work is done for it.

    Parameters
    ----------
    path : str or None
        A path, ``-`` for stdout, or None for no file.

    Raises
    ------
    InputError
        If the directory does not exist or cannot be written to, or the path is no file.
    """
    if path is None or path == STDOUT:
        return
    file = Path(path)
    try:
        if file.is_dir():
            raise InputError(f"cannot write {path}: it is a directory")
        if not file.parent.is_dir():
            raise InputError(f"cannot write {path}: there is no directory {file.parent}")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise InputError(f"cannot write {path}: no permission")


def write(path: str, text: str) -> None:
    """Write text to a file, or to stdout for ``-``.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    if path == STDOUT:
        click.echo(text, nl=False)
        return
    try:
        Path(path).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error


def deliver(
    document: dict[str, Any],
    text: str,
    json: str | None,
    plot: str | None = None,
    draw: Callable[[], Axes] | None = None,
    interrupted: bool = False,
) -> None:
    """Draw, write and print what was found; the exit status is 130 if that is not all.

    Parameters
    ----------
    document : dict
        For ``json``, which is a path, ``-`` for stdout, or None.
    text : str
        For a reader; printed unless stdout takes the document.
    plot, draw
        A picture's path and what draws it; no picture where one of them is None.
    interrupted : bool

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    if plot is not None and draw is not None:
        save_picture(plot, draw)
    if json is not None:
        write(json, json_text.dumps(document, allow_nan=False) + "\n")
    if json != STDOUT:
        click.echo(text, nl=False)
    if interrupted:
        raise click.exceptions.Exit(INTERRUPTED)


def save_picture(path: str, draw: Callable[[], Axes]) -> None:
    """Draw without a display and write the picture; its ending is its format.

    Raises
    ------
    InputError
        If the format is unknown or the file cannot be written.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    draw()
    try:
        pyplot.savefig(path, dpi=150)
    except ValueError as error:
        raise InputError(f"cannot draw {path}: {error}") from error
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        pyplot.close("all")


def print_results(results: Sequence[Result]) -> None:
    """Print results on stdout: a table on a terminal, else plain text with a line per theorem."""
    from sam_theory.report import plain
    from sam_theory.report import print_results as print_table

    if sys.stdout.isatty():
        from rich.console import Console

        print_table(results, Console(file=sys.stdout, highlight=False))
    else:
        click.echo(plain(results, ascii_only=ascii_only()), nl=False)


@contextlib.contextmanager
def progress_bar(total: int, label: str) -> Iterator[Callable[[str], None]]:
    """A progress bar on stderr if that is a terminal, otherwise nothing.

    Yields
    ------
    Callable[[str], None]
        To be called with a name for each piece of work that is finished.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[last]}", markup=False),
    )
    with Progress(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False
    ) as progress:
        task = progress.add_task(label, total=total, last="")
        yield lambda name: progress.update(task, advance=1, last=name)
