"""``sam-theory bench``."""

from __future__ import annotations

from typing import Any

import click

__all__ = ["bench"]

PEERS = "numpy,optax,jax,torch,c,c-fast"


@click.command(epilog="Example: sam-theory bench W1 first --peers numpy,c --scale 0.01")
@click.argument("workloads", metavar="[WORKLOAD]...", nargs=-1)
@click.option("--peers", metavar="NAME,...", default=PEERS, show_default=True, help="Whom to compare with; may be ''.")
@click.option(
    "--rounds", metavar="N", type=click.IntRange(min=1), default=3, show_default=True, help="Timed runs of each."
)
@click.option(
    "--scale", metavar="X", type=float, default=1.0, show_default=True, help="Share of the full number of trajectories."
)
@click.option("--json", metavar="PATH|-", help="Write every round as JSON; - for stdout.")
@click.option("--markdown", metavar="PATH|-", help="Write the tables as a page; - for stdout.")
def bench(
    workloads: tuple[str, ...], peers: str, rounds: int, scale: float, json: str | None, markdown: str | None
) -> None:
    """Measure speed side by side with other ways to do the work.

    Workloads: W1 to W7, first, linear; all if none is named. Each peer works in a process of its own; results are
    compared before anything is timed, and rounds interleave. Peers that are not installed (extra 'bench'; gcc) are
    named and left out. The exit status is 1 if results differ.
    """
    from sam_theory.bench import cases, measure, supported
    from sam_theory.bench import document as whole
    from sam_theory.bench import markdown as page
    from sam_theory.cli._output import STDOUT, check_target, deliver, write
    from sam_theory.errors import InputError

    for path in (json, markdown):
        check_target(path)
    if json == markdown == STDOUT:
        raise InputError("--json and --markdown cannot both go to stdout; give one of them a file")
    supported()
    asked = tuple(name.strip() for name in peers.split(",") if name.strip())
    chosen = cases(workloads, asked, scale)
    measured: list[dict[str, Any]] = []
    interrupted = False
    try:
        for case in chosen:
            measured.append(measure(case, rounds, lambda line: click.echo(line, err=True)))
            if json is not None and json != STDOUT:  # hours may follow
                deliver(whole(measured, scale, rounds), "", json)
    except KeyboardInterrupt:
        interrupted = True
    command = " ".join(["sam-theory bench", *workloads, f"--rounds {rounds}", *_options(peers, scale)])
    if markdown is not None:
        write(markdown, page(measured, scale, rounds, command))
    text = "" if markdown == STDOUT else _text(measured)
    deliver(whole(measured, scale, rounds), text, json, interrupted=interrupted)
    if any("failed" in record for case in measured for record in case["contenders"]):
        raise click.exceptions.Exit(1)


def _options(peers: str, scale: float) -> list[str]:
    return ([f"--peers '{peers}'"] if peers != PEERS else []) + ([f"--scale {scale:g}"] if scale != 1 else [])


def _text(measured: list[dict[str, Any]]) -> str:
    from sam_theory.bench import case_rows, goal_rows, linear_rows
    from sam_theory.report import table

    parts = [f"# {case['name']}\n{table(case_rows(case))}" for case in measured if case["workload"] != "linear"]
    for title, rows in (("cost against size", linear_rows(measured)), ("goals", goal_rows(measured))):
        if rows:
            parts.append(f"# {title}\n{table(rows)}")
    return "\n".join(parts)
