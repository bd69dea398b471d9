"""Scenes: the concrete settings in which a statement is tried.

A class of functions becomes its families of members, an opaque link becomes concrete ones that share its
parity and jet, a dimension left open becomes 1, 2 and 3.  In a scene every formula has a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from sam_theory.arithmetic import Arithmetic, Float64, Program, Vec, as_fraction, lower_all
from sam_theory.dynamics import Map
from sam_theory.errors import InputError
from sam_theory.losses import (
    Family,
    FunctionClass,
    Link,
    Loss,
    Product,
    log_cosh,
    shifted_square,
    sqrt1p,
)
from sam_theory.theorems import Claim, Theorem

__all__ = ["Scene", "scene_of_loss", "scenes"]

_Z = sp.Symbol("z", real=True)
_EVEN = (
    Link("z**2/2", _Z**2 / 2, even=True),
    Link("z**2/2 + z**4/24", _Z**2 / 2 + _Z**4 / 24, even=True),
    Link("z**2 + z**4/12", _Z**2 + _Z**4 / 12, even=True),
    log_cosh,
    sqrt1p,
)
_ANY = (*_EVEN, shifted_square, Link("z**3/6 + z**2/2 - z", _Z**3 / 6 + _Z**2 / 2 - _Z))

#: the names under which formulas know the state and its relatives
_SPECIAL = ("w", "w_next", "w_start", "w_star")


@dataclass(frozen=True, eq=False)
class Scene:
    """A statement on one concrete loss (or one family of members) in one dimension.

    Parameters
    ----------
    theorem : Theorem
    loss : Loss or None
        None where the claim is a formula of its parameters alone.
    dimension : int
        Of the state.
    name : str
    family : Family, optional
    link : Link, optional
        What stands for the opaque link.
    fixed : mapping, optional
        Symbols whose value the scene determines.
    """

    theorem: Theorem
    loss: Loss | None
    dimension: int
    name: str
    family: Family | None = None
    link: Link | None = None
    fixed: Mapping[sp.Symbol, sp.Expr] | None = None

    # -- formulas ----------------------------------------------------------------------------------------
    def concrete(self, e: Any) -> Any:
        """A formula with the concrete link and the fixed symbols put in."""
        if not isinstance(e, sp.Basic):
            return e
        link = self.link
        if link is not None:
            e = e.replace(
                lambda n: getattr(type(n), "link", None) is not None,
                lambda n: link.function(type(n).order)(n.args[0]),
            )
        return e.xreplace(dict(self.fixed)) if self.fixed else e

    @cached_property
    def claim(self) -> Claim:
        """The claim, abbreviations expanded, in this scene."""
        return self.theorem.expanded_claim.map(self.concrete)

    @cached_property
    def hypotheses(self) -> tuple[Any, ...]:
        """The relations on the parameters."""
        found = (self.concrete(h) for h in self.theorem.all_hypotheses)
        return tuple(h for h in found if h is not sp.true)

    @cached_property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """The parameters that may be chosen, sorted by name."""
        found = set(self.theorem.symbols) | set(getattr(self.theorem.loss, "class_symbols", ()))
        for h in self.theorem.all_hypotheses:
            found |= h.free_symbols
        return tuple(sorted(found - set(self.fixed or ()), key=lambda s: s.name))

    # -- the loss ----------------------------------------------------------------------------------------
    @cached_property
    def map(self) -> Map:
        """The dynamical system."""
        if self.loss is None:
            raise InputError(f"theorem {self.theorem.slug}: the claim speaks of a state, but there is no loss")
        return Map(self.theorem.rule, self.loss)

    @property
    def rational(self) -> bool:
        """Whether the loss is rational at rational points."""
        if self.family is not None:
            return self.family.rational
        return self.link is None or self.link.expression is None or self.link.expression.is_polynomial(_Z)

    @cached_property
    def constants(self) -> Program | None:
        """α and β of the class under the names that members read."""
        if not isinstance(self.theorem.loss, FunctionClass) or self.family is None:
            return None
        given = {n: getattr(self.theorem.loss, n) for n in self.theorem.loss.constants}
        return lower_all(given) if given else None

    def with_constants(self, arithmetic: Arithmetic, values: Mapping[str, Any]) -> dict[str, Any]:
        """``values`` and what members read of the class."""
        if self.constants is None:
            return dict(values)
        return {**values, **arithmetic.run(self.constants, values)}

    def vector(self, arithmetic: Arithmetic, coordinates: Iterable[Any]) -> Any:
        """A constant vector that combines with states of ``arithmetic``."""
        values = list(coordinates)
        if isinstance(arithmetic, Float64):
            return np.array([[float(c)] for c in values])
        return arithmetic.stack([arithmetic.number(as_fraction(c)) for c in values])

    @cached_property
    def minimiser(self) -> tuple[Any, ...] | None:
        """A point where the loss is least, where one is known."""
        if self.family is not None:
            return (sp.S.Zero,) * self.dimension
        for point in self.loss.facts.minimisers if self.loss is not None else ():
            return tuple(sp.sympify(c).subs({s: 1 for s in sp.sympify(c).free_symbols}) for c in point)
        return None

    def environment(
        self,
        arithmetic: Arithmetic,
        values: Mapping[str, Any],
        w: Any,
        w_next: Any = None,
        w_start: Any = None,
        t: Any = None,
    ) -> dict[str, Any]:
        """Everything a formula may name."""
        env = dict(values)
        env["w"] = w
        blocks = self.loss.blocks if self.loss is not None else ()
        for i, name in enumerate(blocks):
            env[name] = arithmetic.block(w, i, len(blocks))
            if w_next is not None:
                env[f"{name}_next"] = arithmetic.block(w_next, i, len(blocks))
        for name, v in (("w_next", w_next), ("w_start", w_start), ("t", t)):
            if v is not None:
                env[name] = v
        if self.minimiser is not None:
            env["w_star"] = self.vector(arithmetic, self.minimiser)
        return env

    def state(self, arithmetic: Arithmetic, w: Any) -> dict[str, Any]:
        """The whole state whose iterate is ``w``; further vectors start at 0."""
        names = self.map.state
        rest = {n: arithmetic.mul(arithmetic.number(Fraction(0)), w) for n in names[1:]}
        return {names[0]: w, **rest}

    def step(self, arithmetic: Arithmetic, values: Mapping[str, Any], state: dict[str, Any], t: int) -> dict[str, Any]:
        """The next state."""
        return self.map.step(arithmetic, state, {**values, "k": arithmetic.number(Fraction(t))})

    def iterate(self, state: Mapping[str, Any]) -> Any:
        """The iterate of a state."""
        return state[self.map.state[0]]


def _speaks_of_states(theorem: Theorem) -> bool:
    claim = theorem.expanded_claim
    if claim.kind in ("Identity", "Inequality") or getattr(claim, "variable", None) is not None:
        return any(e.has(Vec) for e in claim.formulas())
    return True


def scenes(theorem: Theorem) -> list[Scene]:
    """Every scene in which ``theorem`` can be tried, the simplest first.

    Raises InputError if the loss has no concrete scene.
    """
    loss = theorem.loss
    if not _speaks_of_states(theorem):
        return [Scene(theorem, None, 0, "formula")]
    if isinstance(loss, FunctionClass):
        families = [f for f in loss.families() if loss.dimension in (None, f.dimension)]
        families.sort(key=lambda f: (not f.rational, f.dimension))
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
    if loss.abstract:
        raise InputError(f"theorem {theorem.slug}: no members of {loss.name} are known; try a concrete loss")
    sizes = (1, 2, 3) if loss.dimension is None else (loss.dimension,)
    return [Scene(theorem, loss, d, loss.name if len(sizes) == 1 else f"{loss.name}, d={d}") for d in sizes]


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
        number = link.derivative(order).subs(_Z, 0)
        if e.is_Symbol:
            values[e] = number
        elif sp.simplify(e - number) != 0:
            raise InputError(f"{link.name} does not have the derivative {e} of order {order} at 0")
    return values


def scene_of_loss(theorem: Theorem, loss: Loss) -> Scene:
    """The statement on one given member of its class."""
    if loss.dimension is None:
        raise InputError(f"{loss.name} has no fixed dimension; choose one")
    link = loss.link if isinstance(loss, Product) else None
    fixed = _jet(theorem.loss.link, link) if link is not None and isinstance(theorem.loss, Product) else None
    return Scene(theorem, loss, loss.dimension, loss.name, link=link, fixed=fixed)
