"""The outcome of ``verify`` for a terminal: a table grouped by paper, explanations below."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sam_theory.report import _cells
from sam_theory.report._witness import one_line
from sam_theory.verdicts import Result, Verdict

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

__all__ = ["print_results"]

_SYMBOLS = {
    Verdict.PROVED: ("✔", "+", "bold green"),
    Verdict.CERTIFIED: ("◆", "#", "green"),
    Verdict.SUPPORTED: ("●", "*", "cyan"),
    Verdict.UNDECIDED: ("?", "?", "yellow"),
    Verdict.REFUTED: ("✘", "x", "magenta"),
}
_CELLS: dict[str, Callable[[Result], str]] = {
    "kind": lambda result: result.kind,
    "engine": _cells.decided_by,
    "margin": _cells.margin,
    "tightness": _cells.ratio,
    "mutants": _cells.mutants,
    "time": lambda result: _cells.seconds(result.seconds),
}
_NUMBERS = ("margin", "tightness", "mutants", "time")
_FIRST_TO_GO = ("kind", "tightness", "mutants", "margin", "time")
"""The columns that a narrow terminal does without, in this order."""

_GAP = 2
_VERDICT_WIDTH = len("? undecided !")
_NARROWEST_SLUG = 36


def _verdict(result: Result, ascii_only: bool) -> Text:
    from rich.text import Text

    symbol, plain_symbol, style = _SYMBOLS[result.verdict]
    text = Text(f"{plain_symbol if ascii_only else symbol} {result.verdict.value}", style=style)
    if not result.as_expected:
        text.stylize("bold red")
        text.append(" !", style="bold red")
    return text


def _layout(results: Sequence[Result], width: int) -> tuple[list[str], int]:
    """Names of the columns beside theorem and verdict, and the width left for theorems."""
    widths = {name: max(len(cell(result)) for result in results) for name, cell in _CELLS.items()}
    shown = {name: max(length, len(name)) for name, length in widths.items() if length}
    longest = max(len(result.slug) for result in results) + _GAP

    def left() -> int:
        return width - (_VERDICT_WIDTH + _GAP) - sum(length + _GAP for length in shown.values())

    for name in _FIRST_TO_GO:
        if left() >= min(longest, _NARROWEST_SLUG):
            break
        shown.pop(name, None)
    return list(shown), max(min(longest, left()), 12)


def _table(results: Sequence[Result], width: int, ascii_only: bool) -> Table:
    from rich.table import Table
    from rich.text import Text

    shown, slug_width = _layout(results, width)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
    table.add_column("theorem", overflow="fold", width=slug_width)
    table.add_column("verdict", no_wrap=True, min_width=_VERDICT_WIDTH)
    for name in shown:
        table.add_column(name, justify="right" if name in _NUMBERS else "left", no_wrap=True)
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(str(result.source.get("key", "")), []).append(result)
    for key, group in groups.items():
        table.add_row(Text(one_line(key), style="bold"))
        for result in group:
            slug = textwrap.fill(one_line(result.slug), slug_width, initial_indent="  ", subsequent_indent="    ")
            cells = [Text(one_line(_CELLS[name](result))) for name in shown]
            table.add_row(Text(slug), _verdict(result, ascii_only), *cells)
    return table


def print_results(results: Sequence[Result], console: Console) -> None:
    """Print a table of verdicts, grouped by paper, with what needs an explanation below it.

    Symbols and colours go with the verdicts; an exclamation mark in red marks a verdict that was not
    expected. Below the table stand each witness, the reasons of unexpected verdicts, surviving mutants, and
    a line that counts everything. A narrow terminal does without some of the columns.

    Parameters
    ----------
    results : Sequence[Result]
    console : rich.console.Console
        Where to print; its width and encoding decide what fits.
    """
    from rich.padding import Padding
    from rich.text import Text

    ascii_only = not console.encoding.lower().startswith("utf")
    if results:
        console.print(_table(results, console.width, ascii_only))
        console.print()
    for result in results:
        unexpected = bool(result.survivors) or not result.as_expected
        explanation = _cells.notes(result, ascii_only=ascii_only)
        if explanation:
            console.print(Text(one_line(result.slug), style="bold red" if unexpected else "bold"))
        for part in explanation:
            console.print(Padding(Text(part), (0, 0, 0, 2), expand=False))
    failed = any(result.survivors or not result.as_expected for result in results)
    console.print(Text(_cells.summary(results), style="bold red" if failed else "bold"))
