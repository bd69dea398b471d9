"""The group of commands, and how errors leave it."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

import click

from sam_theory.cli._basin import basin
from sam_theory.cli._bench import bench
from sam_theory.cli._bifurcation import bifurcation
from sam_theory.cli._check import check
from sam_theory.cli._diagram import diagram
from sam_theory.cli._drift import drift
from sam_theory.cli._export import export
from sam_theory.cli._falsify import falsify
from sam_theory.cli._invariants import invariants
from sam_theory.cli._list import list_
from sam_theory.cli._lyapunov import lyapunov
from sam_theory.cli._orbits import orbits
from sam_theory.cli._show import show
from sam_theory.cli._simulate import simulate
from sam_theory.cli._stability import stability
from sam_theory.cli._status import BAD_INPUT, INTERRUPTED
from sam_theory.cli._sweep import sweep
from sam_theory.cli._synthesize import synthesize
from sam_theory.cli._verify import verify
from sam_theory.errors import InputError
from sam_theory.processes import WorkersLost

__all__ = ["main"]


class _Commands(click.Group):
    """Commands that report bad input on one line of stderr and an interruption by its exit status."""

    def invoke(self, ctx: click.Context) -> Any:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        # Read when NumPy is imported: with one thread a copy of the process is whole (work runs in processes).
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        try:
            return super().invoke(ctx)
        except (InputError, WorkersLost) as error:
            click.echo(f"sam-theory: error: {' '.join(str(error).split())}", err=True)
            ctx.exit(BAD_INPUT)
        except click.UsageError as error:
            click.echo(f"sam-theory: error: {' '.join(error.format_message().split())} (see --help)", err=True)
            ctx.exit(BAD_INPUT)
        except KeyboardInterrupt:
            click.echo("sam-theory: interrupted", err=True)
            ctx.exit(INTERRUPTED)


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from sam_theory.cli._output import version

        click.echo(f"sam-theory {version()}")
        ctx.exit()


@click.group(
    cls=_Commands,
    help="Verify theorems about sharpness-aware minimization."
    "\n\n\b\nExample:\n  sam-theory verify usam-sharp-threshold-convex --mutants"
    "\n\n\b\nCompletion of commands and slugs, in bash (zsh and fish likewise):"
    '\n  eval "$(_SAM_THEORY_COMPLETE=bash_source sam-theory)"',
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit status, the first that applies: 130 interrupted, 2 usage, bad input or lost workers, 1 an unexpected "
    "verdict, a surviving mutant, a witness found or a certificate rejected, 3 undecided where a decision was "
    "expected, 0 otherwise.",
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def main() -> None:
    """Verify theorems about sharpness-aware minimization."""


_COMMANDS = (
    verify,
    falsify,
    check,
    synthesize,
    list_,
    show,
    simulate,
    sweep,
    orbits,
    stability,
    bifurcation,
    diagram,
    basin,
    lyapunov,
    drift,
    invariants,
    export,
    bench,
)
for _command in _COMMANDS:
    main.add_command(_command)
