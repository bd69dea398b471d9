"""``sam-theory show``."""

from __future__ import annotations

import sys

import click

from sam_theory.cli._select import complete_slugs, select

__all__ = ["show"]


@click.command(short_help="Show one theorem.", epilog="Example: sam-theory show sc-sam-neighbourhood")
@click.argument("slug", metavar="SLUG", shell_complete=complete_slugs)
def show(slug: str) -> None:
    """Show a theorem: statement, hypotheses, proof steps, source, BibTeX, recorded verdict.

    A theorem with several claims is shown part by part, with one BibTeX entry for all. A file of theorems
    can take the place of the slug.
    """
    from sam_theory.report import show as page

    def heading(text: str) -> str:
        return click.style(text, bold=True) if sys.stdout.isatty() else text

    theorems = select([slug])
    last_of = {theorem.source.bibtex: theorem for theorem in theorems}
    pages = [page(theorem, bibtex=theorem is last_of[theorem.source.bibtex], heading=heading) for theorem in theorems]
    click.echo("\n".join(pages), nl=False)
