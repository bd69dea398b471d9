"""A scene: one concrete setting of a statement, in which every formula has a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from sam_theory.arithmetic import Arithmetic, Float64, Program, as_fraction, lower_all
from sam_theory.dynamics import Map
from sam_theory.errors import InputError
from sam_theory.losses import Family, FunctionClass, Link, Loss
from sam_theory.theorems import Claim, Theorem

__all__ = ["Scene", "Z"]

#: the argument of a link
Z = sp.Symbol("z", real=True)


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
        return self.link is None or self.link.expression is None or self.link.expression.is_polynomial(Z)

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

    def whole(self, state: Mapping[str, Any]) -> list[Any]:
        """All coordinates of a state, those of the iterate first."""
        return [c for n in self.map.state for c in state[n]]

    def state_of(self, arithmetic: Arithmetic, coordinates: Sequence[Any]) -> dict[str, Any]:
        """The state with these coordinates; the inverse of :meth:`whole`."""
        d = self.dimension
        parts = {n: list(coordinates[i * d : (i + 1) * d]) for i, n in enumerate(self.map.state)}
        return {n: arithmetic.stack(part) for n, part in parts.items()}

    def step(self, arithmetic: Arithmetic, values: Mapping[str, Any], state: dict[str, Any], t: int) -> dict[str, Any]:
        """The next state."""
        return self.map.step(arithmetic, state, {**values, "k": arithmetic.number(Fraction(t))})

    def iterate(self, state: Mapping[str, Any]) -> Any:
        """The iterate of a state."""
        return state[self.map.state[0]]
