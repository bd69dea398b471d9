"""``sam-theory lyapunov``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sam_theory.cli._map import exact, map_options, number, read_map
from sam_theory.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["lyapunov"]


def _constant(text: str) -> float:
    from sam_theory.arithmetic import parse_expression

    value = parse_expression(text)
    if not value.is_number or not value.is_finite or not value.is_real:
        raise InputError(f"--predict: {text!r} is no real number; write 0.41922 or log(2)")
    return float(value)


@click.command(
    epilog='Example: sam-theory lyapunov --rule heavy_ball --loss "7*w**3/15 + 7*w**2/20 - w" --eta 1 '
    "--set momentum=-3/10 --init 0"
)
@map_options
@click.option("--init", metavar="A,B,...", required=True, help="Coordinates of the start.")
@click.option(
    "--steps", metavar="N", type=click.IntRange(min=256), default=100_000, show_default=True, help="Steps that count."
)
@click.option(
    "--transient", metavar="N", type=click.IntRange(min=0), default=1_000, show_default=True, help="Steps before them."
)
@click.option(
    "--tolerance",
    metavar="X",
    default="1e-2",
    show_default=True,
    help="Half-width of the interval of 95 % below which an exponent counts as converged.",
)
@click.option("--seed", metavar="N", type=click.IntRange(min=0), default=0, show_default=True, help="Of the frame.")
@click.option(
    "--predict", metavar="EXPR", multiple=True, help="An exponent known otherwise, drawn beside; repeat for each."
)
@click.option("--json", metavar="PATH|-", help="Write spectrum and convergence as JSON; - for stdout.")
@click.option("--plot", metavar="FILE", help="Draw the convergence; the ending chooses the format.")
def lyapunov(
    loss_text: str,
    rule_name: str,
    eta: str | None,
    rho: str | None,
    further: tuple[str, ...],
    init: str,
    steps: int,
    transient: int,
    tolerance: str,
    seed: int,
    predict: tuple[str, ...],
    json: str | None,
    plot: str | None,
) -> None:
    """Compute the Lyapunov spectrum of a rule on a loss along one orbit.

    Each exponent has an interval of 95 % and a word on whether it converged; where the orbit ends on a cycle, its
    multipliers give the exact values. An orbit that meets a jump, a kink or a zero gradient ends there, and the step is
    named. Exit status 0 in each case. Ctrl-C keeps the means so far.
    """
    from sam_theory.cli._output import check_target, deliver
    from sam_theory.lab import lyapunov as compute
    from sam_theory.report import table

    check_target(json)
    check_target(plot)
    if predict and plot is None:
        raise InputError("--predict is for the picture; give --plot FILE")
    known = [_constant(text) for text in predict] or None
    system, params = read_map(loss_text, rule_name, eta, rho, further)
    found = compute(
        system,
        params,
        [float(exact(part, "--init")) for part in init.split(",")],
        steps,
        transient,
        tolerance=number(tolerance, "--tolerance"),
        seed=seed,
        progress=lambda line: click.echo(line, err=True),
    )
    text = f"{table(found.to_table())}# {found.verdict()}\n"
    if found.total:
        text += f"# sum {sum(found.exponents):.8g}; Kaplan-Yorke dimension {found.kaplan_yorke:.6g}\n"

    def draw() -> Axes:
        return found.plot(predicted=known)

    deliver(found.to_json(), text, json, plot, draw if found.total else None, found.interrupted)
