"""Whether a statement is the same after a translation of the loss: then a minimiser at 0 is no loss of generality."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from sympy.core.relational import Relational

from sam_theory.arithmetic import Program, VectorSymbol, lower_all
from sam_theory.theorems import Theorem

__all__ = ["translation_invariant"]

_POSITIONS = ("w", "w_next", "w_start", "w_star")


class _MovesAlong(Exception):
    """The result depends on the place of the origin."""


def translation_invariant(theorem: Theorem) -> bool:
    """Whether rule and claim do not refer to the origin; False where that cannot be seen."""
    rule, claim = theorem.rule, theorem.expanded_claim
    if claim.kind in ("Cycle", "Threshold", "Asymptotic"):
        return True  # they name the points they speak of
    sides = [s for e in claim.formulas() for s in ((e.lhs, e.rhs) if isinstance(e, Relational) else (e,))]
    spoken = {str(i): s for i, s in enumerate(sides) if s.atoms(VectorSymbol)}
    try:
        moved = _weights(rule.program, {rule.state[0]: 1})
        _weights(lower_all(spoken), dict.fromkeys(_POSITIONS, 1))
    except _MovesAlong:
        return False
    return moved == {n: int(n == rule.state[0]) for n in rule.state}


def _weights(program: Program, inputs: Mapping[str, int]) -> dict[str, Fraction]:
    """How many times a translation of the origin moves each output: 1 for a position, 0 for a difference."""
    weights: list[Fraction] = []
    for node, kind in zip(program.nodes, program.kinds, strict=True):
        args = [weights[i] for i in node.args]
        weight = Fraction(0)
        match node.op:
            case "input":
                weight = Fraction(inputs.get(str(node.data), 0)) if kind == "v" else weight
            case "grad" | "value":
                if args != [1]:
                    raise _MovesAlong
            case "add":
                weight = args[0] + args[1]
            case "sub":
                weight = args[0] - args[1]
            case "neg":
                weight = -args[0]
            case "mul" if args[1]:
                weight = _constant(program, node.args[0]) * args[1]
            case "div" if args[0]:
                weight = args[0] / _constant(program, node.args[1])
            case _:
                if any(args):
                    raise _MovesAlong
        weights.append(weight)
    return {name: weights[i] for name, i in program.outputs}


def _constant(program: Program, i: int) -> Fraction:
    node: Any = program.nodes[i]
    if node.op != "number" or not node.data:
        raise _MovesAlong
    return Fraction(node.data)
