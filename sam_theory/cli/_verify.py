"""``sam-theory verify``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sam_theory.cli._select import complete_papers, complete_slugs, select, unknown
from sam_theory.cli._status import INTERRUPTED, UNEXPECTED, status_of
from sam_theory.errors import InputError
from sam_theory.processes import cores

if TYPE_CHECKING:
    from sam_theory.report import Record
    from sam_theory.theorems import Flag, Theorem
    from sam_theory.verdicts import Result

__all__ = ["BUDGETS", "verify", "write_json"]

BUDGETS = ("quick", "default", "full")


def _chosen_engines(names: tuple[str, ...]) -> tuple[str, ...] | None:
    from sam_theory.engines import ENGINES

    chosen = [name for text in names for name in text.split(",") if name]
    for name in chosen:
        if name not in ENGINES:
            raise unknown("engine", name, ENGINES)
    if names and not chosen:
        raise InputError("--engine needs a name")
    return tuple(dict.fromkeys(chosen)) or None


def _complete_engines(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    from sam_theory.engines import ENGINES

    return [name for name in ENGINES if name.startswith(incomplete)]


def in_order(theorems: tuple[Theorem, ...], finished: list[Result]) -> list[Result]:
    """Results in the order in which their theorems were asked for."""
    place = {(theorem.slug, theorem.id): number for number, theorem in enumerate(theorems)}
    return sorted(finished, key=lambda result: place.get((result.slug, result.id), len(place)))


def prepare_directory(path: str, theorems: tuple[Theorem, ...]) -> None:
    """Create the directory of certificates, one file for each slug.

    Raises InputError if it cannot be created or written to, or if two theorems have one slug.
    """
    slugs = [theorem.slug for theorem in theorems]
    twice = next((slug for slug in slugs if slugs.count(slug) > 1), None)
    if twice is not None:
        raise InputError(
            f"--certificates: two of the theorems have the slug '{twice}'; verify them one after the other"
        )
    try:
        os.makedirs(path, exist_ok=True)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot create {path}: {getattr(error, 'strerror', None) or error}") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise InputError(f"cannot write into {path}: no permission")


def write_json(
    path: str, results: list[Result], *, seed: int, budget: str, interrupted: bool, flags: Sequence[Flag] = ()
) -> None:
    """Write results as JSON to a file, or to stdout for ``-``."""
    from sam_theory.cli._output import version, write
    from sam_theory.verdicts import document, dumps

    said = [flag.to_json() for flag in flags]
    whole = document(results, version=version(), seed=seed, budget=budget, interrupted=interrupted, flags=said)
    write(path, dumps(whole))


@click.command(
    short_help="Verify theorems: all, or those named.",
    epilog="Example: sam-theory verify sam-1d-two-cycle --engine smt --mutants --json verdicts.json",
)
@click.argument("what", metavar="[SLUG|FILE.py]...", nargs=-1, shell_complete=complete_slugs)
@click.option("--paper", metavar="KEY", shell_complete=complete_papers, help="Only theorems of this paper.")
@click.option(
    "--engine",
    "engine_names",
    metavar="NAME",
    multiple=True,
    shell_complete=_complete_engines,
    help="Only this engine; repeatable. Caps expectations at what the chosen engines can reach. "
    "cvc5, formal (Coq) and worst-case run where they are named, or with --budget full.",
)
@click.option("--mutants", is_flag=True, help="Also check that wrong variants of each theorem are refuted.")
@click.option("--hypotheses", is_flag=True, help="Also drop each hypothesis in turn: is it needed?")
@click.option("--budget", type=click.Choice(BUDGETS), default="default", show_default=True, help="Work allowed.")
@click.option("--strict", is_flag=True, help="Exit with 3 if an engine did not run.")
@click.option("--json", metavar="PATH|-", help="Write the outcome as JSON; - for stdout.")
@click.option("--junit", metavar="PATH", help="Write the outcome as JUnit XML.")
@click.option("--certificates", metavar="DIR", help="Write a certificate of each decided theorem into this directory.")
@click.option("--record", metavar="PATH", help="Write one line per theorem: what the library is compared with later.")
@click.option(
    "--against",
    metavar="PATH|library",
    help="Compare with such a record, or with that of the library; each difference is a line, and the status 1.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of all sampling.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=cores,
    show_default="all cores",
    help="Parallel processes; the outcome does not depend on it.",
)
@click.pass_context
def verify(
    ctx: click.Context,
    what: tuple[str, ...],
    paper: str | None,
    engine_names: tuple[str, ...],
    mutants: bool,
    hypotheses: bool,
    budget: str,
    strict: bool,
    json: str | None,
    junit: str | None,
    certificates: str | None,
    record: str | None,
    against: str | None,
    seed: int,
    jobs: int,
) -> None:
    """Verify theorems: all of them, or those named by slug, file or paper.

    A slug stands for all parts of that theorem. The exit status is 0 if every verdict is at least what the
    theorem expects, 1 for an unexpected verdict, a surviving mutant, a hypothesis that is not needed and not
    recorded as such, or a difference from the record, 3 for something undecided, 130 if interrupted.
    """
    from sam_theory.cli._output import check_target, print_results, progress_bar, write
    from sam_theory.report import junit as junit_xml
    from sam_theory.report import record_text

    for target in (json, junit, record):
        check_target(target)
    if junit == "-":
        raise InputError("--junit needs a path")
    engines = _chosen_engines(engine_names)
    theorems = select(what, paper)
    known = None if against is None else _record(against, budget, seed)
    if certificates is not None:
        prepare_directory(certificates, theorems)

    from sam_theory.engines import verify_all
    from sam_theory.theorems import relations_of
    from sam_theory.verdicts import EnginesDisagree, Verdict

    graph = relations_of(theorems)
    finished: list[Result] = []
    interrupted = False
    clash: EnginesDisagree | None = None
    with progress_bar(len(theorems), "verifying") as advance:

        def progress(result: Result) -> None:
            finished.append(result)
            advance(result.slug)

        try:
            results = verify_all(
                theorems,
                engines=engines,
                budget=budget,
                seed=seed,
                jobs=jobs,
                mutants=mutants,
                hypotheses=hypotheses,
                progress=progress,
                certificates=certificates,
            )
        except KeyboardInterrupt:
            interrupted, results = True, in_order(theorems, finished)
        except EnginesDisagree as error:
            clash, results = error, in_order(theorems, finished)
        except InputError:
            if finished:
                print_results(in_order(theorems, finished))  # what was established before the bad one is not lost
            raise
    flags = graph.flags(result.slug for result in results if result.verdict is Verdict.REFUTED)
    if json != "-":
        print_results(results)
        for flag in flags:
            click.echo(f"# flagged: {flag.slug}: {flag.reason}; refuted: {flag.refuted}")
    if json is not None:
        stopped = interrupted or clash is not None
        write_json(json, results, seed=seed, budget=budget, interrupted=stopped, flags=flags)
    if junit is not None:
        write(junit, junit_xml(results))
    if interrupted:
        click.echo(f"sam-theory: interrupted after {len(results)} of {len(theorems)} theorems", err=True)
        ctx.exit(INTERRUPTED)
    if clash is not None:
        click.echo(f"sam-theory: engines disagree: {clash}", err=True)
        ctx.exit(UNEXPECTED)
    if record is not None:
        write(record, record_text(results, budget=budget, seed=seed))
    status = status_of(results, strict=strict)
    if known is not None:
        changes = known.differences(results, whole=not what and paper is None, budget=budget, seed=seed)
        for line in changes:
            click.echo(line, err=json == "-")
        status = UNEXPECTED if changes else status
    ctx.exit(status)


def _record(against: str, budget: str, seed: int) -> Record:
    """The record to compare with; one of another budget or seed is refused before any work is done."""
    from sam_theory.report import read_record, recorded

    if against == "library":
        found = recorded()
    else:
        try:
            found = read_record(Path(against).read_text(encoding="utf-8"), against)
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read {against}: {getattr(error, 'strerror', None) or error}") from error
    found.differences((), whole=False, budget=budget, seed=seed)
    return found
