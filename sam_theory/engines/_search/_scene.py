"""The scenes in which a statement is tried.

A class of functions becomes its families of members (also moved off the origin, where that makes a difference),
an opaque link becomes concrete ones that share its parity and jet, a dimension left open becomes 1, 2 and 3.
"""

from __future__ import annotations

import sympy as sp

from sam_theory.arithmetic import Vec
from sam_theory.engines._search._setting import Scene, Z
from sam_theory.engines._search._shifted import shifted
from sam_theory.engines._search._translation import translation_invariant
from sam_theory.errors import InputError
from sam_theory.losses import (
    FactorProduct,
    FunctionClass,
    Link,
    Loss,
    MatrixProduct,
    Product,
    log_cosh,
    shifted_square,
    sqrt1p,
)
from sam_theory.theorems import Theorem

__all__ = ["Scene", "expected", "scene_of_loss", "scenes"]

_EVEN = (
    Link("z**2/2", Z**2 / 2, even=True),
    Link("z**2/2 + z**4/24", Z**2 / 2 + Z**4 / 24, even=True),
    Link("z**2 + z**4/12", Z**2 + Z**4 / 12, even=True),
    log_cosh,
    sqrt1p,
)
_ANY = (*_EVEN, shifted_square, Link("z**3/6 + z**2/2 - z", Z**3 / 6 + Z**2 / 2 - Z))


def _speaks_of_states(theorem: Theorem) -> bool:
    claim = theorem.expanded_claim
    if claim.kind in ("Identity", "Inequality") or getattr(claim, "variable", None) is not None:
        return any(
            isinstance(n, Vec) or hasattr(type(n), "link") for e in claim.formulas() for n in sp.preorder_traversal(e)
        )
    return True


def scenes(theorem: Theorem) -> list[Scene]:
    """Every scene in which ``theorem`` can be tried, the simplest first; none that contradicts a hypothesis by itself.

    Raises InputError if the loss has no concrete scene.
    """
    return [scene for scene in _scenes(theorem) if sp.false not in scene.hypotheses]


def _scenes(theorem: Theorem) -> list[Scene]:
    loss = theorem.loss
    if not _speaks_of_states(theorem):
        return [Scene(theorem, None, 0, "formula")]
    if theorem.rule.noise and not expected(theorem):
        raise InputError(f"theorem {theorem.slug}: the rule draws noise; a search needs a deterministic rule")
    if isinstance(loss, FunctionClass):
        families = [f for f in loss.families() if loss.dimension in (None, f.dimension)]
        families.sort(key=lambda f: (not f.rational, len(f.inputs), f.dimension))
        if not loss.spectral and not translation_invariant(theorem):
            families += [shifted(f) for f in families if f.rational and f.law != "scale invariant"]
        return [Scene(theorem, f.loss, f.dimension, f.name, family=f) for f in families]
    if isinstance(loss, Product):
        sizes = (1, 2, 3) if loss.factor_dimension is None else (loss.factor_dimension,)
        links = [loss.link] if not loss.link.opaque else _links(loss.link)
        found = []
        for d in sizes:
            for i, link in enumerate(links):
                if d < 3 or i < 2 or link is links[-1]:
                    concrete = Product(link, d)
                    name = f"{concrete.name}, d={d}"
                    found.append(Scene(theorem, concrete, 2 * d, name, link=link, fixed=_jet(loss.link, link)))
        return found
    if isinstance(loss, FactorProduct):
        links = [loss.link] if not loss.link.opaque else _links(loss.link)
        losses = [FactorProduct(link, len(loss.variables)) for link in links]
        jets = [_jet(loss.link, link) for link in links]
        parts = zip(losses, links, jets, strict=True)
        return [Scene(theorem, own, len(own.variables), own.name, link=link, fixed=jet) for own, link, jet in parts]
    if isinstance(loss, MatrixProduct) and loss.link.opaque:
        polynomial = [k for k in _links(loss.link) if k.expression is not None and k.expression.is_polynomial(Z)]
        chosen = [k for k in polynomial if sp.degree(k.expression, Z) <= 2]  # higher degrees overflow at once
        members = [(loss.with_link(k), k) for k in chosen]
        return [Scene(theorem, m, loss.dimension or 0, m.name, link=k, fixed=_jet(loss.link, k)) for m, k in members]
    if loss.abstract:
        raise InputError(f"theorem {theorem.slug}: no members of {loss.name} are known; try a concrete loss")
    sizes = (1, 2, 3) if loss.dimension is None else (loss.dimension,)
    return [Scene(theorem, loss, d, loss.name if len(sizes) == 1 else f"{loss.name}, d={d}") for d in sizes]


def expected(theorem: Theorem) -> bool:
    """Whether the claim is on an expectation over the noise of a given number of steps."""
    at = getattr(theorem.claim, "at", None)
    return at is not None and bool(at.is_Integer)


def _links(opaque: Link) -> list[Link]:
    found = []
    for link in _EVEN if opaque.even else _ANY:
        try:
            _jet(opaque, link)
        except InputError:
            continue
        found.append(link)
    return found


def _jet(opaque: Link, link: Link) -> dict[sp.Symbol, sp.Expr]:
    """The values of the symbols in the jet of ``opaque``, were it ``link``."""
    values: dict[sp.Symbol, sp.Expr] = {}
    for order, e in opaque.jet.items() if opaque.opaque else ():
        number = link.derivative(order).subs(Z, 0)
        if e.is_Symbol:
            if (e.is_positive and not number > 0) or (e.is_negative and not number < 0):
                raise InputError(f"{link.name} has not the derivative {e} of order {order} at 0: its sign is another")
            values[e] = number
        elif sp.simplify(e - number) != 0:
            raise InputError(f"{link.name} does not have the derivative {e} of order {order} at 0")
    return values


def scene_of_loss(theorem: Theorem, loss: Loss) -> Scene:
    """The statement on one given member of its class."""
    if loss.dimension is None:
        raise InputError(f"{loss.name} has no fixed dimension; choose one")
    products = (Product, FactorProduct)
    link = loss.link if isinstance(loss, products) else None
    fixed = _jet(theorem.loss.link, link) if link is not None and isinstance(theorem.loss, products) else None
    return Scene(theorem, loss, loss.dimension, loss.name, link=link, fixed=fixed)
