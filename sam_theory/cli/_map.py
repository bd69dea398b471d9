"""From ``--loss``, ``--rule``, ``--eta``, ``--rho`` and ``--set`` to a map and its parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import click

from sam_theory.cli._select import unknown
from sam_theory.errors import InputError

if TYPE_CHECKING:
    from sam_theory.dynamics import Map
    from sam_theory.losses import Loss
    from sam_theory.rules import Rule

__all__ = ["exact", "intervals", "map_options", "number", "read_loss", "read_map", "read_rule", "subject_options"]

_LONGEST = 400
"""Digits of a number on the command line; more are a mistake and could take forever to read."""


def exact(text: str, what: str) -> Fraction:
    """A number from the command line, exactly: decimal or a fraction of integers such as ``3/2``.

    Parameters
    ----------
    text : str
    what : str
        What it is for; goes into the message.

    Raises
    ------
    InputError
        If it is no number, infinite, or a fraction with denominator zero.
    """
    value = number(text, what)
    # A power of ten that no float can hold would fill the memory as a fraction.
    return Fraction(text) if value and len(text) <= _LONGEST else Fraction(value)


def number(text: str, what: str) -> float:
    """The same as the nearest float, which must be finite."""
    try:
        if "/" in text and len(text) <= _LONGEST:
            above, below = text.split("/")
            value = float(Fraction(int(above), int(below)))
        else:
            value = float(text)
    except (ValueError, ArithmeticError):
        raise InputError(f"{what}: {text!r} is not a number; write 0.1, 1e-3 or 1/10") from None
    if not math.isfinite(value):
        raise InputError(f"{what}: {text!r} is not finite")
    return value


def intervals(texts: tuple[str, ...], option: str) -> dict[str, tuple[Fraction, Fraction]]:
    """``NAME=LOW:HIGH`` of a repeated option as exact pairs."""
    found: dict[str, tuple[Fraction, Fraction]] = {}
    for text in texts:
        name, equals, ends = text.partition("=")
        low, colon, high = ends.partition(":")
        if not equals or not colon or name in found:
            raise InputError(f"{option}: {text!r}; write each coordinate once, as NAME=LOW:HIGH")
        found[name] = exact(low, f"{option} {name}"), exact(high, f"{option} {name}")
    return found


def read_loss(text: str, held: Collection[str] = ()) -> Loss:
    """A loss by name, or from an expression; a single unknown name is a misspelling, not a linear loss.

    Symbols of an expression that are ``held`` are its parameters, the others its coordinates.
    """
    from sam_theory.arithmetic import parse_expression
    from sam_theory.losses import Expression, named_losses

    named = named_losses()
    if text in named:
        return named[text]
    if text.isidentifier():
        raise unknown("loss", text, named)
    symbols = {str(s) for s in parse_expression(text).free_symbols} if held else set()
    return Expression(text, sorted(symbols - {*held}) if symbols & {*held} else ())


def read_rule(name: str, flows: bool = False) -> Rule:
    """A rule by name; with ``flows`` also ``gd_flow``, ``sam_flow`` and ``usam_flow``."""
    from sam_theory.rules import RULES, gd_flow, sam_flow, usam_flow

    known = {**RULES, **({"gd_flow": gd_flow, "sam_flow": sam_flow, "usam_flow": usam_flow} if flows else {})}
    if name not in known:
        raise unknown("rule", name, known)
    return known[name]


def _complete_losses(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    from sam_theory.losses import named_losses

    return [name for name in named_losses() if name.startswith(incomplete)]


def _complete_rules(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    from sam_theory.rules import RULES

    return [name for name in RULES if name.startswith(incomplete)]


_SUBJECT = (
    click.option(
        "--loss",
        "loss_text",
        metavar="EXPR|NAME",
        required=True,
        shell_complete=_complete_losses,
        help="A named loss, or an expression of its coordinates, which are sorted by name.",
    ),
    click.option(
        "--rule",
        "rule_name",
        metavar="NAME",
        required=True,
        shell_complete=_complete_rules,
        help="See sam-theory list rules.",
    ),
)
_NUMBERS = (
    click.option("--eta", metavar="X", help="Step size: a decimal or a fraction."),
    click.option("--rho", metavar="X", help="Perturbation radius: a decimal or a fraction."),
    click.option("--set", "further", metavar="NAME=X", multiple=True, help="A further parameter; repeat."),
)


def map_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a command about one map: its arguments ``loss_text, rule_name, eta, rho, further``."""
    for option in reversed((*_SUBJECT, *_NUMBERS)):
        command = option(command)
    return command


def subject_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a command about a map whatever its parameters: its arguments ``loss_text, rule_name``."""
    for option in reversed(_SUBJECT):
        command = option(command)
    return command


def read_map(
    loss_text: str,
    rule_name: str,
    eta: str | None,
    rho: str | None,
    further: tuple[str, ...],
    varied: str = "",
    coordinates: Collection[str] = (),
    *,
    partial: bool = False,
) -> tuple[Map, dict[str, Fraction]]:
    """The map and an exact number for each of its parameters but ``varied``; with ``partial`` for those given.

    A name that ``--set`` gives or that varies is a parameter of the rule, an option of it with a number, or a symbol of
    the loss that then is no coordinate, unless it is among ``coordinates``.

    Raises InputError for unknown names, what is no number, and a parameter that is missing or given twice.
    """
    from sam_theory.dynamics import Map

    rule = read_rule(rule_name)
    held = {text.partition("=")[0] for text in further} | ({varied} if varied else set())
    rule = rule.free(*(n for n in rule.options if n in held and isinstance(rule.options[n], int | float | Fraction)))
    system = Map(rule, read_loss(loss_text, held - {*rule.parameters, *coordinates}))
    loss = system.loss
    given = {n: exact(text, f"--{n}") for n, text in (("eta", eta), ("rho", rho)) if text is not None}
    for text in further:
        name, equals, said = text.partition("=")
        if not equals or name in given:
            raise InputError(f"--set: {text!r}; write each further parameter once, as NAME=X")
        if name not in system.parameters:
            raise unknown(f"parameter of {rule.name} on {loss.name}", name, system.parameters)
        given[name] = exact(said, f"--set {name}")
    if varied in given:
        raise InputError(f"{varied} varies; do not give it a value")
    if varied and varied not in (*system.parameters, *coordinates):
        raise unknown(f"parameter of {rule.name} on {loss.name}", varied, system.parameters)
    for name, value in given.items():
        if name not in system.parameters and value:
            click.echo(f"sam-theory: rule {rule.name} does not depend on {name}", err=True)
    for name in system.parameters:
        if name not in given and name != varied and not partial:
            how = f"--{name}" if name in ("eta", "rho") else f"--set {name}=X"
            raise InputError(f"rule {rule.name} on {loss.name} needs {how}")
    return system, {name: given[name] for name in system.parameters if name in given and name != varied}
