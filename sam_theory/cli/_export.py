"""``sam-theory export``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sam_theory.cli._select import complete_slugs, select
from sam_theory.cli._status import UNDECIDED, UNEXPECTED
from sam_theory.cli._verify import BUDGETS
from sam_theory.errors import InputError

if TYPE_CHECKING:
    from sam_theory.theorems import Theorem

__all__ = ["export"]

FORMATS = ("rocq", "latex", "python")


@click.command(
    short_help="Write one theorem as a Rocq (Coq) file, LaTeX or a Python script.",
    epilog="Example: sam-theory export product-balancedness-identity.gd --to rocq --out Balancedness.v",
)
@click.argument("slug", metavar="SLUG", shell_complete=complete_slugs)
@click.option("--to", "to", type=click.Choice(FORMATS), required=True, help="What to write.")
@click.option("--out", metavar="PATH", default="-", show_default="stdout", help="Where to write it.")
@click.option("--verdict", is_flag=True, help="latex: run the engines and state their verdict.")
@click.option(
    "--budget", type=click.Choice(BUDGETS), default="default", show_default=True, help="Work allowed for engines."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of all sampling.")
@click.pass_context
def export(ctx: click.Context, slug: str, to: str, out: str, verdict: bool, budget: str, seed: int) -> None:
    """Write one theorem, or one part of a theorem, to stdout or a file.

    rocq: the self-contained file with its proof, for coqc; status 3, and no file, where a proof is missing.
    latex: a document for amsmath and amsthm. python: a stand-alone script that replays the refutation of a false
    statement in fractions; status 1 where the search finds no counterexample.
    """
    from sam_theory.cli._output import check_target, write

    check_target(out)
    theorems = select([slug])
    exact = [t for t in theorems if t.slug == slug]
    if len(theorems) > 1 and len(exact) != 1:
        raise InputError(f"{slug} has {len(theorems)} parts; name one: {', '.join(t.slug for t in theorems)}")
    (theorem,) = exact or theorems
    if to == "rocq":
        text, problem, status = _rocq(theorem)
    elif to == "latex":
        text, problem, status = _latex(theorem, verdict, budget, seed), "", 0
    else:
        text, problem, status = _python(theorem, budget, seed)
    if problem:
        click.echo(f"sam-theory: {problem}", err=True)
        ctx.exit(status)
    write(out, text)


def _rocq(theorem: Theorem) -> tuple[str, str, int]:
    from sam_theory.engines import file_of

    if theorem.status == "quoted":
        return "", f"{theorem.slug} is quoted as false; there is nothing to prove", UNDECIDED
    file = file_of(theorem)
    if file.complete:
        return file.text(), "", 0
    missing = [e.goal.name for e in file.entries if e.script is None and not e.decided_before]
    if missing:
        reason = f"no proof is recorded for: {'; '.join(missing)}"
    else:
        reason = "it has no goals over the real numbers" if not file.entries else "SymPy leaves no goal open"
    return "", f"{theorem.slug} cannot be exported: {reason}", UNDECIDED


def _latex(theorem: Theorem, verdict: bool, budget: str, seed: int) -> str:
    from sam_theory.report import latex_document

    if not verdict:
        return latex_document(theorem)
    from sam_theory.engines import verify

    return latex_document(theorem, verify(theorem, budget=budget, seed=seed))


def _python(theorem: Theorem, budget: str, seed: int) -> tuple[str, str, int]:
    from sam_theory.engines import falsify
    from sam_theory.report import replay_script

    if theorem.origin == "library" and theorem.expected != "refuted":
        raise InputError(f"{theorem.slug} is expected to be {theorem.expected}: there is no refutation to replay")
    witness = falsify(theorem, budget=budget, seed=seed).witness
    if witness is None:
        return "", f"{theorem.slug}: no counterexample was found, so there is nothing to replay", UNEXPECTED
    return replay_script(theorem, witness), "", 0
