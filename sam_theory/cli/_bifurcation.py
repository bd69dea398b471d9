"""``sam-theory bifurcation``."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sam_theory.cli._map import exact, intervals, map_options, number, read_map
from sam_theory.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sam_theory.dynamics import Map
    from sam_theory.lab import Branch

__all__ = ["bifurcation"]

_SWITCH = ("flip", "pitchfork", "transcritical", "branch point")


def _point(text: str | None) -> dict[str, Fraction]:
    """``NAME=X,...`` as exact numbers."""
    found: dict[str, Fraction] = {}
    for part in text.split(",") if text else ():
        name, equals, said = part.partition("=")
        if not equals or name in found:
            raise InputError(f"--start: {part!r}; write each coordinate once, as NAME=X,NAME=X")
        found[name] = exact(said, f"--start {name}")
    return found


def _resumed(
    path: str, system: Map, params: dict[str, Fraction], span: tuple[Fraction, Fraction], points: int
) -> Branch:
    from sam_theory.lab import Branch

    branch = Branch.load(path, system)
    for name, value in params.items():
        if branch.curve.values.get(name) != value:
            raise InputError(f"--resume: {path} has {name} = {branch.curve.values.get(name)}, not {value}")
    return branch.extend(span, points=points, progress=_progress)


def _progress(line: str) -> None:
    click.echo(line, err=True)


def _switched(branches: tuple[Branch, ...], points: int) -> tuple[Branch, ...]:
    """The branches that leave or cross these, each once."""
    known = [*branches]
    for branch in branches:
        for i, s in enumerate(branch.special):
            if s.kind not in _SWITCH or s.directions is None or any(b.interrupted for b in known):
                continue
            try:
                other = branch.switch(i, points=points, progress=_progress)
            except InputError as error:
                click.echo(f"sam-theory: {error}", err=True)
                continue
            middle = other.nodes[len(other) // 2].z
            if not any(b.period == other.period and b.passes(middle[:-1], float(middle[-1])) for b in known):
                known.append(other)
    return tuple(known)


def _saved_as(path: str, count: int) -> list[str]:
    """A name for each branch: the path itself, then with -2, -3, … before its ending."""
    whole = Path(path)
    return [path, *(str(whole.with_name(f"{whole.stem}-{i}{whole.suffix}")) for i in range(2, count + 1))]


def _draw(branches: tuple[Branch, ...], coordinate: str | None) -> Callable[[], Axes]:
    def draw() -> Axes:
        axes = branches[0].plot(coordinate=coordinate)
        for branch in branches[1:]:
            branch.plot(axes, coordinate=coordinate)
        return axes

    return draw


@click.command(
    epilog='Example: sam-theory bifurcation --loss "x**2/2 - x**4/4" --rule usam --rho 1/2 --vary eta=1/2:2 '
    "--start x=0 --switch"
)
@map_options
@click.option("--vary", metavar="NAME=LOW:HIGH", required=True, help="The parameter that varies, and its span.")
@click.option("--start", metavar="NAME=X,...", help="A point near an orbit, a number for each coordinate.")
@click.option("--at", metavar="X", help="The parameter at the start.  [default: LOW]")
@click.option("--period", metavar="K", type=click.IntRange(min=1), default=1, show_default=True, help="Of the orbit.")
@click.option("--freeze", metavar="NAME", multiple=True, help="A coordinate that does not move; repeat.")
@click.option("--from-search", is_flag=True, help="Start from every orbit of that period in --box.")
@click.option("--box", "sides", metavar="NAME=LOW:HIGH", multiple=True, help="A side of the box; one a coordinate.")
@click.option("--switch", is_flag=True, help="Follow the branches that leave or cross at special points, too.")
@click.option(
    "--step", metavar="X", default="1/20", show_default=True, help="Longest step, in sizes of orbit and span."
)
@click.option(
    "--points", metavar="N", type=click.IntRange(min=1), default=500, show_default=True, help="Most points each way."
)
@click.option("--coordinate", metavar="NAME", help="What --plot shows.  [default: the first coordinate]")
@click.option("--plot", metavar="FILE", help="Draw the diagram; the ending chooses the format.")
@click.option("--save", metavar="FILE", help="Write the branch, to go on with --resume; further ones to FILE-2, …")
@click.option("--resume", metavar="FILE", help="Extend a saved branch of this map to the span, instead of --start.")
@click.option("--json", metavar="PATH|-", help="Write all branches as JSON; - for stdout.")
def bifurcation(
    loss_text: str,
    rule_name: str,
    eta: str | None,
    rho: str | None,
    further: tuple[str, ...],
    vary: str,
    start: str | None,
    at: str | None,
    period: int,
    freeze: tuple[str, ...],
    from_search: bool,
    sides: tuple[str, ...],
    switch: bool,
    step: str,
    points: int,
    coordinate: str | None,
    plot: str | None,
    save: str | None,
    resume: str | None,
    json: str | None,
) -> None:
    """Follow fixed points or cycles of a rule on a loss while a parameter varies, through folds.

    Flips, folds, branch points and Neimark-Sacker points are located, and whether they are supercritical is decided by
    their normal forms. Ctrl-C keeps what was found.
    """
    from sam_theory.cli._output import check_target, deliver
    from sam_theory.lab import continue_orbit, continue_orbits
    from sam_theory.report import table

    for target in (plot, save, json):
        check_target(target)
    if sum((start is not None, from_search, resume is not None)) != 1:
        raise InputError("give one of --start, --from-search and --resume")
    if from_search != bool(sides):
        raise InputError("--from-search and --box belong together")
    ((varied, span),) = intervals((vary,), "--vary").items()
    place, box = _point(start), intervals(sides, "--box")
    system, params = read_map(loss_text, rule_name, eta, rho, further, varied, {*place, *box, *freeze})
    longest, value = number(step, "--step"), None if at is None else exact(at, "--at")
    if resume is not None:
        branches: tuple[Branch, ...] = (_resumed(resume, system, params, span, points),)
    elif from_search:
        branches = continue_orbits(
            system, params, box, period, varied, span, at=value, step=longest, points=points, progress=_progress
        )
    else:
        branch = continue_orbit(
            system,
            params,
            place,
            period,
            varied,
            span,
            at=value,
            freeze=freeze,
            step=longest,
            points=points,
            progress=_progress,
        )
        branches = (branch,)
    if not branches:
        raise InputError(f"the box holds no isolated orbit of period {period} to start from; widen it or change --at")
    if switch:
        branches = _switched(branches, points)
    if save is not None:
        for path, branch in zip(_saved_as(save, len(branches)), branches, strict=True):
            branch.save(path)
    document = {"kind": "branches", "branches": [b.to_json() for b in branches]}
    text = "".join(
        f"# branch {i}: period {branch.period}, {len(branch)} points\n{table(branch.to_table())}"
        for i, branch in enumerate(branches, 1)
    )
    interrupted = any(branch.interrupted for branch in branches)
    deliver(document, text, json, plot, _draw(branches, coordinate), interrupted)
