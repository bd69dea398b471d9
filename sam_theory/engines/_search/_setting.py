"""A scene: one concrete setting of a statement, in which every formula has a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

import sympy as sp

from sam_theory.arithmetic import Arithmetic, Float64, Program, VectorSymbol, lower_all
from sam_theory.dynamics import Map
from sam_theory.errors import InputError
from sam_theory.losses import Family, FunctionClass, Link, Loss
from sam_theory.theorems import Claim, Identity, Inequality, Theorem

__all__ = ["Scene", "Z"]

#: the argument of a link
Z = sp.Symbol("z", real=True)


class _Bare(sp.Symbol):
    """A symbol of which nothing is assumed, and which sums and products sort as the symbol it stands for."""

    sorted_as: tuple[Any, ...]

    def _hashable_content(self) -> tuple[Any, ...]:
        return self.sorted_as


_Bare.__name__ = "Symbol"  # SymPy sorts by names of classes first


def _bare(symbol: Any) -> _Bare:
    found: _Bare = _Bare.__xnew__(_Bare, symbol.name)
    found.sorted_as = symbol._hashable_content()
    return found


@lru_cache(maxsize=1 << 11)
def _concrete(
    e: sp.Basic, link: Link | None, fixed: tuple[tuple[sp.Symbol, sp.Expr], ...], evaluated: bool = False
) -> sp.Basic:
    """``e`` with the link and the fixed symbols put in, the same in every dimension and for every engine.

    A formula that is only ever evaluated gets bare symbols.
    """
    values = dict(fixed)
    if evaluated:
        e = e.xreplace({s: _bare(s) for s in e.free_symbols if type(s) is sp.Symbol and s not in values})
    if link is not None:
        e = e.replace(
            lambda n: getattr(type(n), "link", None) is not None,
            lambda n: link.function(type(n).order)(n.args[0]),
            simultaneous=False,
        )
    return e.xreplace(values) if values else e


@lru_cache(maxsize=256)
def _speaks_of(e: sp.Basic, vector: str) -> bool:
    return any(v.name == vector for v in e.atoms(VectorSymbol))


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

    @property
    def one_of_many(self) -> bool:
        """Whether the loss is but one member of a class, one link or one dimension that the statement speaks of."""
        if self.loss is None:
            return False
        link = getattr(self.theorem.loss, "link", None)
        return self.family is not None or self.theorem.loss.dimension is None or bool(link is not None and link.opaque)

    # -- formulas ----------------------------------------------------------------------------------------
    def concrete(self, e: Any) -> Any:
        """A formula with the concrete link and the fixed symbols put in."""
        if not isinstance(e, sp.Basic):
            return e
        return _concrete(e, self.link, self._fixed)

    @cached_property
    def _fixed(self) -> tuple[tuple[sp.Symbol, sp.Expr], ...]:
        return tuple((self.fixed or {}).items())

    @cached_property
    def claim(self) -> Claim:
        """The claim, abbreviations expanded, in this scene.

        Nothing is assumed of the symbols of a claim that is only ever evaluated: SymPy asks for the sign of each base
        of a power that it builds anew, and factors polynomials to find it.
        """
        claim = self.theorem.expanded_claim
        if not isinstance(claim, (Identity, Inequality)) or (self.link is None and not self.fixed):
            return claim.map(self.concrete)
        return claim.map(lambda e: _concrete(e, self.link, self._fixed, evaluated=True))

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
    def autonomous(self) -> bool:
        """Whether every step is the same map: no schedule, no noise."""
        return not (self.theorem.rule.noise or self.theorem.rule.uses_step_number)

    @property
    def width(self) -> int:
        """The number of coordinates of the whole state."""
        return self.dimension * len(self.map.state)

    @property
    def places(self) -> int:
        """The number of coordinates of a start: a claim on one step speaks of every state, others begin at rest."""
        one_step = self.loss is not None and isinstance(self.theorem.claim, (Identity, Inequality))
        return self.width if one_step else self.dimension

    @property
    def event(self) -> str | None:
        """What the orbits must not meet for the statement to speak of them."""
        return getattr(self.theorem.starts, "event", None)

    @property
    def almost_every(self) -> bool:
        """Whether a set of starts of measure zero refutes nothing."""
        return self.theorem.starts is not None and self.event is None

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

    @cached_property
    def minimiser(self) -> Program | None:
        """A point where the loss is least, if the claim speaks of one and one is known."""
        if self.loss is None or not any(_speaks_of(e, "w_star") for e in self.claim.formulas()):
            return None
        known = {s.name for s in self.symbols} | {s.name for s in self.fixed or ()} | set(self.loss.parameters)
        points = list(self.loss.facts.minimisers)
        if self.family is not None and self.family.law == "scale invariant":
            points = [(1, *(0,) * (self.dimension - 1))]
        for point in points:
            # Further symbols run along a manifold of minima, on which 1 is as good as any other value.
            place = [sp.sympify(c) for c in point]
            free = {s: 1 for c in place for s in c.free_symbols if s.name not in known}
            return lower_all({str(i): self.concrete(c.subs(free)) for i, c in enumerate(place)})
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
            place = list(arithmetic.run(self.minimiser, values).values())
            star = arithmetic.stack(place)
            env["w_star"] = star.reshape(len(place), -1) if isinstance(arithmetic, Float64) else star
        return env

    def state(self, arithmetic: Arithmetic, w: Any) -> dict[str, Any]:
        """The state that begins in ``w``: its coordinates, or those of the iterate; further vectors are then 0."""
        first, *further = self.map.state
        if further and len(w) > self.dimension:
            return self.state_of(arithmetic, list(w))
        return {first: w, **{n: arithmetic.mul(arithmetic.number(Fraction(0)), w) for n in further}}

    def further(self, state: Mapping[str, Any] | None, suffix: str = "") -> dict[str, Any]:
        """The state vectors besides the iterate, under the names that formulas know."""
        return {f"{n}{suffix}": state[n] for n in self.map.state[1:]} if state is not None else {}

    def whole(self, state: Mapping[str, Any]) -> list[Any]:
        """All coordinates of a state, those of the iterate first."""
        return [c for n in self.map.state for c in state[n]]

    def state_of(self, arithmetic: Arithmetic, coordinates: Sequence[Any]) -> dict[str, Any]:
        """The state with these coordinates; the inverse of :meth:`whole`."""
        d = self.dimension
        parts = {n: list(coordinates[i * d : (i + 1) * d]) for i, n in enumerate(self.map.state)}
        return {n: arithmetic.stack(part) for n, part in parts.items()}

    def step(
        self, arithmetic: Arithmetic, values: Mapping[str, Any], state: Mapping[str, Any], t: int | None
    ) -> dict[str, Any]:
        """The state after step ``t`` (from 0); None: the step that ``values`` name, or the first."""
        if self.theorem.rule.uses_step_number and (t is not None or "k" not in values):
            values = {**values, "k": arithmetic.number(Fraction(t or 0))}
        return self.map.step(arithmetic, state, values)

    def stepper(
        self, arithmetic: Arithmetic, values: Mapping[str, Any]
    ) -> Callable[[Mapping[str, Any], int], dict[str, Any]]:
        """:meth:`step` as a function of the state and the number of the step, for orbits."""
        step = self.map.stepper(arithmetic, values)
        if not self.theorem.rule.uses_step_number:
            return lambda state, t: step(state)
        return lambda state, t: step({**state, "k": arithmetic.number(Fraction(t))})

    def iterate(self, state: Mapping[str, Any]) -> Any:
        """The iterate of a state."""
        return state[self.map.state[0]]
