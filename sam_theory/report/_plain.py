"""Plain text: one line per theorem, aligned columns, nothing but text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sam_theory.report import _cells
from sam_theory.report._witness import one_line
from sam_theory.verdicts import Result

__all__ = ["columns", "plain", "table"]


def columns(rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> str:
    """Rows of texts as aligned columns, two spaces apart; empty cells become ``-``.

    Parameters
    ----------
    rows : Sequence[Sequence[str]]
        All of the same length.
    header : Sequence[str]
        A first line, marked with ``#``; may be empty.

    Returns
    -------
    str
        One line per row, each ended by a newline.

    Examples
    --------
    >>> print(columns([("gd", ""), ("usam", "rho")], header=("name", "parameters")), end="")
    # name  parameters
    gd      -
    usam    rho
    """
    cells = [[one_line(cell) or "-" for cell in row] for row in rows]
    if header:
        cells.insert(0, ["# " + header[0], *header[1:]])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in cells]
    return "".join(line.rstrip() + "\n" for line in lines)


def table(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows with the same keys, such as a result's ``to_table()``, as columns under their keys; nothing for no rows."""
    return columns([list(row.values()) for row in rows], list(rows[0])) if rows else ""


def plain(results: Sequence[Result], *, ascii_only: bool = False) -> str:
    """The outcome of ``verify`` as text for files and pipes.

    Parameters
    ----------
    results : Sequence[Result]
    ascii_only : bool
        Whether to spell out Greek letters.

    Returns
    -------
    str
        A header and a summary, both marked with ``#``, and one line per theorem in between: slug, kind,
        verdict, whether it was expected, deciding engines, margin, tightness, mutants, seconds, note.
    """
    header = (
        "slug",
        "kind",
        "verdict",
        "as-expected",
        "engine",
        "margin",
        "tightness",
        "mutants",
        "seconds",
        "note",
    )
    rows = [
        (
            result.slug,
            result.kind,
            result.verdict.value,
            "yes" if result.as_expected else "no",
            _cells.decided_by(result).replace(", ", ","),
            _cells.margin(result),
            _cells.ratio(result),
            _cells.mutants(result),
            f"{result.seconds:.2f}",
            " | ".join(_cells.notes(result, ascii_only=ascii_only)),
        )
        for result in results
    ]
    return columns(rows, header) + f"# {_cells.summary(results)}\n"
