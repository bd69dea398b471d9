"""``sam-theory simulate``."""

from __future__ import annotations

import json as json_text
import math
from typing import TYPE_CHECKING

import click

from sam_theory.cli._map import map_options, number, read_map
from sam_theory.errors import InputError

if TYPE_CHECKING:
    from sam_theory.dynamics import Trajectory

__all__ = ["simulate"]


def _digits(value: float) -> str:
    """A float as JSON with 17 significant digits; null if it is not finite."""
    if not math.isfinite(value):
        return "null"
    text = f"{value:.17g}"
    return text if any(mark in text for mark in ".e") else f"{text}.0"


def _json(run: Trajectory) -> str:
    """The outcome as JSON, coordinates with 17 significant digits."""
    final = ", ".join(_digits(float(value)) for value in run.final)
    names, outcome = json_text.dumps(list(run.variables)), json_text.dumps(str(run.outcome))
    return f'{{"variables": {names}, "final": [{final}], "outcome": {outcome}, "steps": {run.steps}}}\n'


def _text(run: Trajectory) -> str:
    """The outcome for a reader, with what its name means."""
    explanation = run.outcome.text if hasattr(run.outcome, "text") else ""
    lines = [f"{name} = {float(value):.17g}" for name, value in zip(run.variables, run.final, strict=True)]
    lines += [f"outcome: {run.outcome} from step {run.step} of {run.steps}", f"  {explanation}"]
    return "\n".join(lines) + "\n"


def _save(path: str, run: Trajectory, inputs: dict[str, str]) -> None:
    """The whole trajectory for NumPy: steps, states, names, outcome, and what it was computed from."""
    import numpy as np

    from sam_theory.cli._output import version

    try:
        np.savez(
            path,
            allow_pickle=False,
            steps=run.recorded_steps,
            states=np.asarray(run.states),
            variables=np.array(run.variables),
            outcome=np.array(str(run.outcome)),
            outcome_step=np.array(run.step),
            inputs=np.array(json_text.dumps({**inputs, "version": version()})),
        )
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error


@click.command(
    epilog='Example: sam-theory simulate --loss "x**2/2 + 2*y**2" --rule sam --eta 1/5 --rho 0.1 '
    "--init 1,1/2 --steps 1000 --json -"
)
@map_options
@click.option("--init", metavar="A,B,...", required=True, help="Coordinates of the start.")
@click.option("--steps", metavar="N", type=click.IntRange(min=0), required=True, help="Number of steps.")
@click.option(
    "--seed", metavar="N", type=click.IntRange(min=0), default=0, show_default=True, help="Of rules that draw."
)
@click.option("--json", metavar="PATH|-", help="Write the outcome as JSON; - for stdout.")
@click.option("--out", metavar="FILE.npz", help="Write the whole trajectory for NumPy.")
def simulate(
    loss_text: str,
    rule_name: str,
    eta: str | None,
    rho: str | None,
    further: tuple[str, ...],
    init: str,
    steps: int,
    seed: int,
    json: str | None,
    out: str | None,
) -> None:
    """Run a rule on a loss from one start.

    Divergence, a zero gradient and a period of two are outcomes with names, not errors: the exit status is 0.
    """
    from sam_theory.cli._output import check_target, write
    from sam_theory.dynamics import orbit
    from sam_theory.dynamics import simulate as run_batch

    check_target(json)
    check_target(out)
    if out is not None and not out.endswith(".npz"):
        raise InputError(f"--out: {out} must end in .npz")
    system, given = read_map(loss_text, rule_name, eta, rho, further)
    rule, loss, params = system.rule, system.loss, {name: float(value) for name, value in given.items()}
    start = [number(part, "--init") for part in init.split(",")]
    if loss.dimension is not None and len(start) != loss.dimension:
        named = ", ".join(loss.variables)
        raise InputError(f"--init: {loss.name} needs a number for each of {named}, not {len(start)} in all")
    if rule.noise:
        run = run_batch(system, start, params=params, steps=steps, rng=seed, record="final" if out is None else "all")
    else:
        run = orbit(system, start, steps, params, record_every=0 if out is None else 1)
    if out is not None:
        inputs = {"loss": loss_text, "rule": rule_name, "init": init, **{n: str(v) for n, v in given.items()}}
        _save(out, run, {**inputs, "seed": str(seed)} if rule.noise else inputs)
    if json is not None:
        write(json, _json(run))
    if json != "-":
        click.echo(_text(run), nl=False)
