"""``sam-theory invariants``."""

from __future__ import annotations

import click

from sam_theory.cli._map import read_loss, read_rule, subject_options

__all__ = ["invariants"]


@click.command(epilog='Example: sam-theory invariants --loss "log(cosh(x*y))" --rule sam')
@subject_options
@click.option(
    "--degree",
    metavar="N",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Look among the homogeneous polynomials of the state of this degree.",
)
@click.option("--family", metavar="EXPR", multiple=True, help="Look among combinations of these instead; repeat.")
@click.option("--json", metavar="PATH|-", help="Write what was found as JSON; - for stdout.")
def invariants(loss_text: str, rule_name: str, degree: int, family: tuple[str, ...], json: str | None) -> None:
    """Find what a step keeps, or multiplies by a factor, for every step size and radius.

    Rules are also the flows gd_flow, sam_flow and usam_flow. Each quantity is proved. Factors are written in q1, q2,
    ... (the content of the gradients, such as l'(xy)) and s1, ... (reciprocals of norms).
    """
    from sam_theory.cli._output import check_target, deliver
    from sam_theory.dynamics import Map
    from sam_theory.lab import find_invariants
    from sam_theory.report import table

    check_target(json)
    system = Map(read_rule(rule_name, flows=True), read_loss(loss_text))
    found = find_invariants(system, degree, list(family) or None)
    said = [f"# {symbol} = {meaning}" for symbol, meaning in found.atoms.items()]
    said.append(f"# {len(found)} quantities, each proved")
    deliver(found.to_json(), table(found.to_table()) + "\n".join(said) + "\n", json)
