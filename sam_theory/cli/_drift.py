"""``sam-theory drift``."""

from __future__ import annotations

import click

from sam_theory.cli._map import exact, map_options, number, read_map
from sam_theory.errors import InputError

__all__ = ["drift"]


def _formulas(texts: tuple[str, ...]) -> dict[str, str] | None:
    """``NAME=FORMULA`` of a repeated option, several with commas between them allowed; None for none."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, formula = text.partition("=")
        if not equals or not formula or name.strip() in found:
            raise InputError(f"--manifold: {text!r}; write each coordinate once, as NAME=FORMULA")
        found[name.strip()] = formula
    return found or None


def _sizes(text: str, small: str) -> list[str]:
    name, equals, values = text.partition("=")
    if not equals or name.strip() != small:
        raise InputError(f"--compare: {text!r}; write {small}=X,Y,...")
    return [str(exact(value, "--compare")) for value in values.split(",")]


def _start(texts: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in (p for text in texts for p in text.split(",")):
        name, equals, value = part.partition("=")
        if not equals or name.strip() in found:
            raise InputError(f"--start: {part!r}; write each coordinate along the minima once, as NAME=X")
        found[name.strip()] = str(exact(value, f"--start {name}"))
    return found


@click.command(
    epilog='Example: sam-theory drift --loss "(y - sin(x))**2*(1 + x**2)/2" --rule sam --eta 1/2 '
    "--compare rho=1/20,1/40,1/80 --start x=1/2"
)
@map_options
@click.option(
    "--manifold",
    metavar="NAME=FORMULA",
    multiple=True,
    help="A coordinate of the minima as a formula of others, or of a new one; repeat. Default: found.",
)
@click.option(
    "--direction",
    metavar="N",
    type=click.IntRange(min=0),
    help="With several curvatures: the one across which the rule oscillates. Default: the largest.",
)
@click.option("--compare", metavar="NAME=X,...", help="Simulate with these values of the small length, rho or epsilon.")
@click.option("--start", metavar="NAME=X", multiple=True, help="Where the simulations start along the minima; repeat.")
@click.option(
    "--time", metavar="X", help="Square of the length times the steps. Default: nine tenths of the way to the flattest."
)
@click.option(
    "--steps",
    metavar="N",
    type=click.IntRange(min=2),
    default=1_000_000,
    show_default=True,
    help="Of a simulation, at most.",
)
@click.option("--json", metavar="PATH|-", help="Write the result as JSON; - for stdout.")
@click.option("--save", metavar="FILE", help="Write the result, with the paths of the simulations, as a whole file.")
@click.option("--plot", metavar="FILE", help="Draw flow and simulations; the ending chooses the format.")
def drift(
    loss_text: str,
    rule_name: str,
    eta: str | None,
    rho: str | None,
    further: tuple[str, ...],
    manifold: tuple[str, ...],
    direction: int | None,
    compare: str | None,
    start: tuple[str, ...],
    time: str | None,
    steps: int,
    json: str | None,
    save: str | None,
    plot: str | None,
) -> None:
    """Derive how a rule drifts along a manifold of minima.

    Parameters without a value stay symbols, and so does the radius of a rule that oscillates. With --compare the
    drift is measured in simulations beside its prediction, with the fitted order of the deviation.
    """
    from sam_theory.cli._output import check_target, deliver
    from sam_theory.lab import slow_flow
    from sam_theory.report import columns, table

    for path in (json, save, plot):
        check_target(path)
    if (start or time is not None) and compare is None:
        raise InputError("--start and --time belong to --compare, which gives the lengths to simulate with")
    system, params = read_map(loss_text, rule_name, eta, rho, further, partial=True)
    begin = _start(start)
    flow = slow_flow(system, params, _formulas(manifold), direction, begin)
    found = None
    if compare is not None:
        found = flow.compare(
            begin,
            _sizes(compare, str(flow.law.small)),
            time=None if time is None else number(time, "--time"),
            steps=steps,
            progress=lambda line: click.echo(line, err=True),
        )
    result = flow if found is None else found
    if save is not None:
        result.save(save)
    text = columns([list(row.values()) for row in flow.to_table()])
    if found is not None:
        text += f"{table(found.to_table())}# {found.order_text()}\n# {found.flattest_text()}\n"
    draw = result.plot if found is None or found.runs else None
    deliver(result.to_json(), text, json, plot, draw, found is not None and found.interrupted)
