"""``sam-theory list``."""

from __future__ import annotations

from typing import Any

import click

__all__ = ["list_"]

WHAT = ("theorems", "papers", "losses", "rules")


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]


def _theorems() -> list[dict[str, Any]]:
    from sam_theory.theorems import library

    return [
        {
            "slug": theorem.slug,
            "kind": theorem.kind,
            "status": str(theorem.status),
            "expected": str(theorem.expected),
            "source": theorem.source.key,
            "title": theorem.title,
        }
        for theorem in library()
    ]


def _papers() -> list[dict[str, Any]]:
    from sam_theory.theorems import library

    papers: dict[str, dict[str, Any]] = {}
    for theorem in library():
        source = theorem.source
        entry = papers.setdefault(source.key, {"key": source.key, "theorems": 0, "text": source.text})
        entry["theorems"] += 1
    return list(papers.values())


def _losses() -> list[dict[str, Any]]:
    from sam_theory.losses import named_losses

    return [
        {"name": name, "variables": list(loss.variables), "formula": str(loss.symbolic_value())}
        for name, loss in named_losses().items()
    ]


def _rules() -> list[dict[str, Any]]:
    from sam_theory.rules import RULES

    return [
        {
            "name": rule.name,
            "parameters": [str(name) for name in rule.parameters],
            "text": _first_line(rule.doc),
        }
        for rule in RULES.values()
    ]


def _cell(value: Any) -> str:
    return " ".join(value) if isinstance(value, list) else str(value)


@click.command(name="list", epilog="Example: sam-theory list papers")
@click.argument("what", type=click.Choice(WHAT), default="theorems")
@click.option("--json", is_flag=True, help="As JSON.")
def list_(what: str, json: bool) -> None:
    """List theorems (the default), papers, losses or rules."""
    from sam_theory.report import columns
    from sam_theory.verdicts import dumps

    entries = {"theorems": _theorems, "papers": _papers, "losses": _losses, "rules": _rules}[what]()
    if json:
        click.echo(dumps(entries), nl=False)
    elif entries:
        rows = [[_cell(value) for value in entry.values()] for entry in entries]
        click.echo(columns(rows, tuple(entries[0])), nl=False)
