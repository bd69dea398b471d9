"""``sam-theory check``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sam_theory.cli._status import OK, UNDECIDED, UNEXPECTED
from sam_theory.errors import InputError

if TYPE_CHECKING:
    from sam_theory.theorems import Theorem

__all__ = ["check"]

_STATUS = {"verified": OK, "rejected": UNEXPECTED, "undecided": UNDECIDED}


def _read(path: str) -> str | None:
    """The text of a file; None where it is none that a certificate could have."""
    from sam_theory.checker import LARGEST

    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    if len(data) > LARGEST:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


@click.command(
    short_help="Check certificates without the engines that wrote them.",
    epilog="Example: sam-theory check out/*.json    (after: sam-theory verify --certificates out)",
)
@click.argument("paths", metavar="CERTIFICATE...", nargs=-1, required=True, type=click.Path())
@click.option("--from", "source", metavar="FILE.py", help="The file that states the theorems; it is executed.")
@click.pass_context
def check(ctx: click.Context, paths: tuple[str, ...], source: str | None) -> None:
    """Rebuild the claim of each certificate and verify it again with a small independent checker.

    One line for each file: verified, rejected, or undecided (nothing that could be checked here), with the reason.
    The exit status is 1 if one was rejected, 3 if one was undecided, 2 if a file cannot be read, 0 otherwise.
    """
    from sam_theory.theorems import library, load_file

    texts = [_read(path) for path in paths]
    theorems = library() if source is None else load_file(source)
    seen = [_line(path, text, theorems, source) for path, text in zip(paths, texts, strict=True)]
    ctx.exit(next((s for s in (UNEXPECTED, UNDECIDED) if s in seen), OK))


def _line(path: str, text: str | None, theorems: tuple[Theorem, ...], source: str | None) -> int:
    from sam_theory.checker import Outcome, check_text, origin_of

    if text is None:
        found = Outcome("rejected", "?", "it is no text in UTF-8, or larger than any certificate")
    elif source is None and (origin := origin_of(text)) not in (None, "library"):
        found = Outcome("undecided", "?", f"its statement is in {origin}; name that file: --from {origin}")
    else:
        found = check_text(text, theorems)
    click.echo(f"{found.status}  {path}  {' '.join(found.reason.split())}")
    return _STATUS[found.status]
