"""``sam-theory falsify``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sam_theory.cli._select import complete_slugs, select
from sam_theory.cli._status import INTERRUPTED, OK, UNDECIDED, UNEXPECTED
from sam_theory.cli._verify import BUDGETS, write_json

if TYPE_CHECKING:
    from sam_theory.verdicts import Result

__all__ = ["falsify"]


def _status(results: list[Result]) -> int:
    if any(result.witness is not None for result in results):
        return UNEXPECTED
    return UNDECIDED if any(result.verdict.value == "undecided" for result in results) else OK


@click.command(
    short_help="Search for a counterexample.",
    epilog="Example: sam-theory falsify sc-sam-neighbourhood --budget full",
)
@click.argument("what", metavar="FILE.py|SLUG", shell_complete=complete_slugs)
@click.option("--budget", type=click.Choice(BUDGETS), default="default", show_default=True, help="Work allowed.")
@click.option("--json", metavar="PATH|-", help="Write the outcome as JSON; - for stdout.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of all sampling.")
@click.pass_context
def falsify(ctx: click.Context, what: str, budget: str, json: str | None, seed: int) -> None:
    """Search for a counterexample, shrink it, and confirm it exactly.

    Says how near it came where it finds none. The exit status is 1 if a witness was found, 3 if the search
    could not be carried out, 0 if it found nothing.
    """
    from sam_theory.cli._output import ascii_only, check_target, progress_bar
    from sam_theory.engines import falsify as search
    from sam_theory.report import search_text

    check_target(json)
    theorems = select([what])
    results: list[Result] = []
    interrupted = False
    with progress_bar(len(theorems), "searching") as advance:
        try:
            for theorem in theorems:
                results.append(search(theorem, budget=budget, seed=seed))
                advance(theorem.slug)
        except KeyboardInterrupt:
            interrupted = True
    if json != "-":
        click.echo("".join(search_text(result, ascii_only=ascii_only()) for result in results), nl=False)
    if json is not None:
        write_json(json, results, seed=seed, budget=budget, interrupted=interrupted)
    if interrupted:
        click.echo(f"sam-theory: interrupted after {len(results)} of {len(theorems)} theorems", err=True)
        ctx.exit(INTERRUPTED)
    ctx.exit(_status(results))
