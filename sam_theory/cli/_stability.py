"""``sam-theory stability``."""

from __future__ import annotations

import click

from sam_theory.cli._map import exact, intervals, map_options, read_map
from sam_theory.errors import InputError

__all__ = ["stability"]


def _formulas(texts: tuple[str, ...]) -> dict[str, str]:
    """``NAME=FORMULA`` of a repeated option."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, formula = text.partition("=")
        if not equals or not formula or name in found:
            raise InputError(f"--on: {text!r}; write each coordinate once, as NAME=FORMULA")
        found[name] = formula
    return found


@click.command(
    epilog='Example: sam-theory stability --loss "y**2*(exp(x) + x**2)/2" --rule usam --eta 1/4 --rho 1/2 '
    "--on y=0 --search x=-1:3"
)
@map_options
@click.option(
    "--on",
    "formulas",
    metavar="NAME=FORMULA",
    multiple=True,
    required=True,
    help="Where the minima lie: a coordinate by the others; all of them for a point. Repeat.",
)
@click.option("--at", "places", metavar="NAME=X", multiple=True, help="A coordinate along the minima; repeat.")
@click.option(
    "--search",
    "sides",
    metavar="NAME=LOW:HIGH",
    multiple=True,
    help="Enclose every critical value of a parameter or coordinate in this interval; the others need numbers.",
)
@click.option("--json", metavar="PATH|-", help="Write the result as JSON; - for stdout.")
@click.option("--plot", metavar="FILE", help="Draw the multipliers over the first --search; the ending is the format.")
def stability(
    loss_text: str,
    rule_name: str,
    eta: str | None,
    rho: str | None,
    further: tuple[str, ...],
    formulas: tuple[str, ...],
    places: tuple[str, ...],
    sides: tuple[str, ...],
    json: str | None,
    plot: str | None,
) -> None:
    """Multipliers at minima, along and across a manifold of them, and the critical parameters.

    Parameters without a number stay symbols. Critical values are closed forms where there are short ones, and numbers
    that are proved in the intervals of --search. Where a normalised step jumps at minima, the multipliers are those of
    the 2-cycles across them.
    """
    from sam_theory.cli._output import check_target, deliver
    from sam_theory.lab import stability as analysed
    from sam_theory.report import table

    check_target(json)
    check_target(plot)
    system, params = read_map(loss_text, rule_name, eta, rho, further, partial=True)
    along = {}
    for text in places:
        name, equals, value = text.partition("=")
        if not equals or name in along or name in params:
            raise InputError(f"--at: {text!r}; write each coordinate once, as NAME=X")
        along[name] = exact(value, f"--at {name}")
    if plot is not None and not sides:
        raise InputError("--plot needs an interval; give --search NAME=LOW:HIGH")
    found = analysed(system, _formulas(formulas), {**params, **along}, intervals(sides, "--search"))
    tables = table(found.to_table()) + table(found.critical_table())
    text = f"# minima: {found.manifold.text()}; {found.scope()}\n{tables}# {found.certainty()}\n"
    deliver(found.to_json(), text, json, plot, found.plot, found.interrupted)
