"""``sam-theory orbits``."""

from __future__ import annotations

import click

from sam_theory.cli._map import intervals, map_options, read_map
from sam_theory.errors import InputError

__all__ = ["orbits"]


def _periods(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--periods: {text!r}; write whole numbers, as 1,2,3") from None


@click.command(
    epilog='Example: sam-theory orbits --loss "log(cosh(x*y))" --rule sam --eta 27/20 --rho 7/10 '
    "--box x=-3:3 --box y=-3:3"
)
@map_options
@click.option(
    "--box", "sides", metavar="NAME=LOW:HIGH", multiple=True, required=True, help="A side of the box; one a coordinate."
)
@click.option("--periods", metavar="K,...", default="1,2", show_default=True, help="Least periods that are looked for.")
@click.option(
    "--starts",
    metavar="N",
    type=click.IntRange(min=1),
    default=512,
    show_default=True,
    help="Starts of Newton's method, for each period.",
)
@click.option(
    "--prove",
    "cells",
    metavar="CELLS",
    type=click.IntRange(min=0),
    default=0,
    help="Prove in at most so many cells, for each period, that there are no others.",
)
@click.option("--seed", metavar="N", type=click.IntRange(min=0), default=0, show_default=True, help="Of the starts.")
@click.option("--json", metavar="PATH|-", help="Write the orbits as JSON; - for stdout.")
@click.option("--plot", metavar="FILE", help="Draw the orbits; the ending chooses the format.")
def orbits(
    loss_text: str,
    rule_name: str,
    eta: str | None,
    rho: str | None,
    further: tuple[str, ...],
    sides: tuple[str, ...],
    periods: str,
    starts: int,
    cells: int,
    seed: int,
    json: str | None,
    plot: str | None,
) -> None:
    """Find the fixed points and periodic orbits of a rule on a loss.

    Each orbit has its multipliers, its stability, its mirror image, and whether its existence is proved; fixed points
    at which the gradient does not vanish are called hallucinated. Ctrl-C keeps what was found.
    """
    from sam_theory.cli._output import check_target, deliver
    from sam_theory.lab import find_orbits
    from sam_theory.report import table

    check_target(json)
    check_target(plot)
    system, params = read_map(loss_text, rule_name, eta, rho, further)
    found = find_orbits(
        system,
        params,
        intervals(sides, "--box"),
        _periods(periods),
        starts=starts,
        cells=cells,
        seed=seed,
        progress=lambda line: click.echo(line, err=True),
    )
    text = f"{table(found.to_table())}# {len(found)} orbits; {found.coverage()}\n"
    deliver(found.to_json(), text, json, plot, found.plot, found.interrupted)
