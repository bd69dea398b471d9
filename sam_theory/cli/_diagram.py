"""``sam-theory diagram``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sam_theory.cli._map import exact, intervals, map_options, read_map
from sam_theory.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["diagram"]


@click.command(
    epilog='Example: sam-theory diagram --loss "w**4/4 - w**2/2" --rule gd --vary eta=1/2:21/10 --init 0.3 --init=-0.3 '
    "--plot diagram.png"
)
@map_options
@click.option("--vary", metavar="NAME=LOW:HIGH", required=True, help="The parameter that varies.")
@click.option(
    "--values", metavar="N", type=click.IntRange(min=1), default=800, show_default=True, help="Values that it takes."
)
@click.option("--init", "starts", metavar="A,B,...", multiple=True, required=True, help="A start; repeat.")
@click.option(
    "--transient", metavar="N", type=click.IntRange(min=0), default=1_000, show_default=True, help="Steps dropped."
)
@click.option("--keep", metavar="N", type=click.IntRange(min=1), default=128, show_default=True, help="States kept.")
@click.option(
    "--longest",
    metavar="K",
    type=click.IntRange(min=1),
    default=32,
    show_default=True,
    help="The longest period that is told.",
)
@click.option("--coordinate", metavar="NAME", help="The coordinate that is drawn; the first if not given.")
@click.option(
    "--predict", metavar="EXPR", multiple=True, help="A formula of the parameters, drawn beside the orbits; repeat."
)
@click.option("--json", metavar="PATH|-", help="Write the states as JSON; - for stdout.")
@click.option("--plot", metavar="FILE", help="Draw the diagram; the ending chooses the format.")
def diagram(
    loss_text: str,
    rule_name: str,
    eta: str | None,
    rho: str | None,
    further: tuple[str, ...],
    vary: str,
    values: int,
    starts: tuple[str, ...],
    transient: int,
    keep: int,
    longest: int,
    coordinate: str | None,
    predict: tuple[str, ...],
    json: str | None,
    plot: str | None,
) -> None:
    """Draw an orbit diagram: the states that orbits visit after a transient, over a range of one parameter.

    The table has a row for each run of values at which the orbits end in the same ways. Ctrl-C keeps the values that
    have been done.
    """
    from sam_theory.cli._output import check_target, deliver
    from sam_theory.lab import orbit_diagram
    from sam_theory.report import table

    check_target(json)
    check_target(plot)
    if (predict or coordinate is not None) and plot is None:
        raise InputError("--predict and --coordinate are for the picture; give --plot FILE")
    ((name, (low, high)),) = intervals((vary,), "--vary").items()
    if name in {n for n, value in (("eta", eta), ("rho", rho)) if value} | {t.partition("=")[0] for t in further}:
        raise InputError(f"--vary: {name} varies; give it no value besides")
    system, params = read_map(loss_text, rule_name, eta, rho, further, name)
    found = orbit_diagram(
        system,
        params,
        (name, low, high, values),
        [[float(exact(part, "--init")) for part in start.split(",")] for start in starts],
        transient,
        keep,
        longest=longest,
        progress=lambda line: click.echo(line, err=True),
    )
    by = ", by machine code" if found.backend == "fast" else ""
    said = f"# {len(found.values)} values of {name}, {len(starts)} starts, {transient} steps first{by}\n"

    def draw() -> Axes:
        return found.plot(coordinate=coordinate or 0, predicted=predict)

    some = draw if len(found.values) else None
    deliver(found.to_json(), table(found.to_table()) + said, json, plot, some, found.interrupted)
