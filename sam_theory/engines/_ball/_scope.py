"""What enclosures do not speak of, so that nothing is certified by accident."""

from __future__ import annotations

import sympy as sp

from sam_theory.arithmetic import LossValue, VectorSymbol
from sam_theory.engines._search._setting import Scene

__all__ = ["beyond"]

_STAR = VectorSymbol("w_star")


def beyond(scene: Scene) -> str | None:
    """Why nothing may be certified in ``scene``; None where all is well.

    A box holds starts of the iterate: a claim on every step number, every value of the noise or every further state
    vector is not covered by it.  A claim on ``w_star`` is meant for every minimiser.
    """
    if scene.loss is None:
        return None
    if not scene.autonomous:
        return "the rule has a schedule or noise; a box speaks of one map"
    if len(scene.map.state) > 1:
        return "the rule has further state vectors; a box speaks of the iterate"
    if _outside_loss(scene) and not _one_minimiser(scene):
        return f"{scene.name} may have several minimisers, and w_star stands for any of them"
    return None


def _outside_loss(scene: Scene) -> bool:
    formulas = (e.xreplace({LossValue(_STAR): sp.S.Zero}) for e in scene.claim.formulas())
    return any(_STAR in e.atoms(VectorSymbol) for e in formulas)


def _one_minimiser(scene: Scene) -> bool:
    if scene.family is not None:
        return scene.family.law == "strongly convex"
    known = scene.loss.facts.minimisers if scene.loss is not None else ()
    names = {s.name for s in scene.symbols} | {s.name for s in scene.fixed or ()}
    return len(known) == 1 and all(s.name in names for c in known[0] for s in sp.sympify(c).free_symbols)
