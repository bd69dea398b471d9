"""``sam-theory synthesize``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sam_theory.cli._select import complete_slugs, select
from sam_theory.cli._status import OK, UNDECIDED
from sam_theory.cli._verify import BUDGETS
from sam_theory.errors import InputError

if TYPE_CHECKING:
    from sam_theory.engines import Synthesis
    from sam_theory.theorems import Theorem

__all__ = ["synthesize"]


def _values(texts: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise InputError(f"--at {text} is not of the form name=value; write --at beta=1")
        if name.strip() in found:
            raise InputError(f"--at gives {name.strip()} twice; keep one of them")
        found[name.strip()] = value.strip()
    return found


def _asked(theorems: tuple[Theorem, ...], names: tuple[str, ...]) -> list[Theorem]:
    """The statements that know the parameters; if none does, the first, whose error names what it knows."""
    known = [t for t in theorems if set(names) <= {s.name for s in (*t.symbols, *t.where)}]
    return known or list(theorems[:1])


@click.command(
    short_help="The largest or smallest parameter for which a claim holds.",
    epilog="Example: sam-theory synthesize usam-sharp-threshold-convex.descent --largest eta",
)
@click.argument("what", metavar="SLUG|FILE.py", shell_complete=complete_slugs)
@click.option("--largest", metavar="NAME", help="The parameter, or abbreviation, to make as large as possible.")
@click.option("--smallest", metavar="NAME", help="The one to make as small as possible.")
@click.option("--at", "at", metavar="NAME=VALUE", multiple=True, help="Fix another parameter; repeatable.")
@click.option("--drop", metavar="RELATION", multiple=True, help="A hypothesis to leave out besides; repeatable.")
@click.option("--keep", metavar="RELATION", multiple=True, help="A hypothesis to keep although it names the unknown.")
@click.option("--claim-only", is_flag=True, help="Leave out the proof's steps on parameters alone.")
@click.option("--budget", type=click.Choice(BUDGETS), default="quick", show_default=True, help="Work allowed.")
@click.option("--json", metavar="PATH|-", help="Write the answers as JSON; - for stdout.")
@click.pass_context
def synthesize(
    ctx: click.Context,
    what: str,
    largest: str | None,
    smallest: str | None,
    at: tuple[str, ...],
    drop: tuple[str, ...],
    keep: tuple[str, ...],
    claim_only: bool,
    budget: str,
    json: str | None,
) -> None:
    """Answer "the largest eta", "the smallest c" for which a claim holds.

    The hypotheses that name the unknown, but for its sign, are dropped and replaced by the answer: an expression
    where algebra finds it, with a proof up to it and a refutation beyond, otherwise an interval of rationals. The
    exit status is 0 if every question was answered, 3 if not.
    """
    if (largest is None) == (smallest is None):
        raise InputError("ask for exactly one of --largest NAME and --smallest NAME")
    from sam_theory.cli._output import ascii_only, check_target, version, write
    from sam_theory.engines import synthesize as answer
    from sam_theory.report import synthesis_text
    from sam_theory.verdicts import dumps

    check_target(json)
    name = largest if largest is not None else smallest
    answers: list[Synthesis] = []
    values = _values(at)
    for theorem in _asked(select([what]), (str(name), *values)):
        found = answer(
            theorem, largest=largest, smallest=smallest, at=values, drop=drop, keep=keep, claim_only=claim_only,
            budget=budget,
        )  # fmt: skip
        answers.append(found)
        if json != "-":
            click.echo(synthesis_text(found, ascii_only=ascii_only()), nl=False)
    if json is not None:
        whole = {"schema": 1, "version": version(), "budget": budget, "answers": [a.to_json() for a in answers]}
        write(json, dumps(whole))
    ctx.exit(OK if all(a.answered for a in answers) else UNDECIDED)
