"""``sam-theory basin``."""

from __future__ import annotations

from typing import Any

import click

from sam_theory.cli._map import exact, intervals, map_options, number, read_map
from sam_theory.errors import InputError

__all__ = ["basin"]


def _sides(texts: tuple[str, ...]) -> dict[str, Any]:
    """Pairs of coordinates that vary, numbers of others."""
    found: dict[str, Any] = dict(intervals(tuple(text for text in texts if ":" in text), "--box"))
    for text in texts:
        name, equals, value = text.partition("=")
        if ":" in text:
            continue
        if not equals or name in found:
            raise InputError(f"--box: {text!r}; write each coordinate once, as NAME=LOW:HIGH or NAME=X")
        found[name] = exact(value, f"--box {name}")
    return found


def _resolution(text: str) -> int | tuple[int, int]:
    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError:
        sizes = []
    if not 1 <= len(sizes) <= 2:
        raise InputError(f"--resolution: {text!r}; write one or two whole numbers, as 200 or 300,200")
    return sizes[0] if len(sizes) == 1 else (sizes[0], sizes[1])


@click.command(
    epilog='Example: sam-theory basin --loss "log(cosh(x*y))" --rule sam --eta 1/5 --rho 1 --box x=-2:2 --box y=-2:2 '
    "--plot basins.png"
)
@map_options
@click.option(
    "--box",
    "sides",
    metavar="NAME=LOW:HIGH|NAME=X",
    multiple=True,
    required=True,
    help="An interval for one or two coordinates, a number for others.",
)
@click.option("--resolution", metavar="N|N,M", default="200", show_default=True, help="Starts along each side.")
@click.option(
    "--steps", metavar="N", type=click.IntRange(min=1), default=2_000, show_default=True, help="Steps at most."
)
@click.option(
    "--longest",
    metavar="K",
    type=click.IntRange(min=1, max=64),
    default=8,
    show_default=True,
    help="The longest period that is told.",
)
@click.option(
    "--tolerance",
    metavar="X",
    default="1e-9",
    show_default=True,
    help="Of a return, relative to the box, for an orbit to have settled.",
)
@click.option("--json", metavar="PATH|-", help="Write labels and attractors as JSON; - for stdout.")
@click.option("--plot", metavar="FILE", help="Draw the basins; the ending chooses the format.")
def basin(
    loss_text: str,
    rule_name: str,
    eta: str | None,
    rho: str | None,
    further: tuple[str, ...],
    sides: tuple[str, ...],
    resolution: str,
    steps: int,
    longest: int,
    tolerance: str,
    json: str | None,
    plot: str | None,
) -> None:
    """Find where the orbits of a grid of starts end, and draw their basins.

    Cycles, continua of cycles, sets of aperiodic orbits, drift and divergence are told apart; saddles that starts on
    their stable manifold reach are marked unstable. Ctrl-C keeps the starts that have been followed.
    """
    from sam_theory.cli._output import check_target, deliver
    from sam_theory.lab import basins
    from sam_theory.report import table

    check_target(json)
    check_target(plot)
    system, params = read_map(loss_text, rule_name, eta, rho, further)
    found = basins(
        system,
        params,
        _sides(sides),
        _resolution(resolution),
        steps,
        longest=longest,
        tolerance=number(tolerance, "--tolerance"),
        progress=lambda line: click.echo(line, err=True),
    )
    text = f"{table(found.to_table())}# {found.labels.size} starts, at most {steps} steps\n"
    deliver(found.to_json(), text, json, plot, found.plot, found.interrupted)
