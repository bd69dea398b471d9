"""Function classes: what is known of every member, as relations over the points where it was evaluated."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from functools import cached_property
from itertools import combinations, permutations
from typing import Any, ClassVar

import sympy as sp
from sympy.core.relational import Relational

from sam_theory.arithmetic import CURVATURE, Gram, Point, Rational, Span
from sam_theory.errors import InputError
from sam_theory.losses._base import Loss
from sam_theory.losses._concrete import Quadratic, exact
from sam_theory.losses._families import (
    Family,
    convex_families,
    polyak_lojasiewicz_families,
    scale_invariant_families,
    strongly_convex_families,
)
from sam_theory.losses._lemmas import LEMMAS, Constants, Fact, cauchy_schwarz, cauchy_schwarz_linear, stated

__all__ = [
    "ConvexSmooth",
    "Fact",
    "FunctionClass",
    "PolyakLojasiewicz",
    "ScaleInvariant",
    "StronglyConvex",
    "cauchy_schwarz",
    "cauchy_schwarz_linear",
]

#: The value of a Gram form's minimiser, L* = inf L.
LEAST = sp.Symbol("L_star", real=True)


class FunctionClass(Loss, ABC):
    r"""A set of losses in every dimension, known through the inequalities all of them satisfy.

    Parameters
    ----------
    *constants : sympy.Symbol or exact number
        The constants of the class in the order of its name, [λ].
    dimension : int, optional
        Only members in this dimension; default: every dimension.

    Raises
    ------
    InputError
        For a wrong number of constants, a float, or numbers that violate the hypotheses of the class.
    """

    abstract = True
    dimension = None
    #: names of the constants, of the facts of every member, and of those that suffice for interpolation
    constants: ClassVar[tuple[str, ...]] = ()
    lemma_names: ClassVar[tuple[str, ...]] = ()
    #: every member is ½⟨w,Λw⟩ with Λ symmetric, so that its minimiser is the origin
    spectral: ClassVar[bool] = False

    def __init__(self, *constants: Any, dimension: int | None = None) -> None:
        if len(constants) != len(self.constants):
            wanted = ", ".join(self.constants) or "no constants"
            raise InputError(f"{type(self).__name__} takes {wanted}, not {len(constants)} arguments")
        values = [exact(c, f"constant of {type(self).__name__}") for c in constants]
        self._values: dict[str, sp.Expr] = dict(zip(self.constants, values, strict=True))
        symbols = dict.fromkeys(s for v in values for s in sorted(v.free_symbols, key=str))
        self.class_symbols: tuple[sp.Symbol, ...] = tuple(symbols)
        if dimension is not None and dimension < 1:
            raise InputError(f"{type(self).__name__}: a dimension is at least 1, not {dimension}")
        self.dimension = dimension
        place = "" if dimension is None else f" in dimension {dimension}"
        self.name = f"{type(self).__name__}({', '.join(map(str, values))}){place}"
        self.dimensions = {v.name: CURVATURE for v in values if v.is_Symbol}
        for h in self.hypotheses:
            if h.doit() == sp.false:
                raise InputError(f"{self.name}: the hypothesis {h} fails; give constants that satisfy it")

    @cached_property
    def definition(self) -> str:
        """The class, its constants and dimension; a class from elsewhere is also told by its facts on two points."""
        constants = ", ".join(map(sp.srepr, self._values.values()))
        head = f"{type(self).__qualname__}({constants}) in dimension {self.dimension}"
        if type(self).__module__.startswith(f"{__package__}."):
            return head
        gram = Gram()
        for name in ("a", "b"):
            self.gradient(gram, gram.vector(name))
        return f"{head}: {'; '.join(sp.srepr(f.relation) for f in self.lemmas(gram))}"

    @property
    def alpha(self) -> sp.Expr:
        """Strong convexity or PL constant; 0 for a class without one."""
        return self._values.get("alpha", sp.S.Zero)

    @property
    def beta(self) -> sp.Expr:
        """Smoothness constant."""
        return self._values["beta"]

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the class symbols."""
        return tuple(s.name for s in self.class_symbols)

    @property
    def hypotheses(self) -> tuple[Relational, ...]:
        """Relations between the constants without which the class is empty or not meant."""
        result = []
        if "alpha" in self.constants:
            result += [sp.Gt(self.alpha, 0, evaluate=False), sp.Le(self.alpha, self.beta, evaluate=False)]
        elif "beta" in self.constants:
            result.append(sp.Gt(self.beta, 0, evaluate=False))
        return tuple(result)

    def lemmas(self, gram: Gram) -> list[Fact]:
        """Every fact of the class over the points of ``gram``, in a fixed order.

        L* = inf L is the symbol ``L_star``; facts that say nothing (0 ≤ 0) are left out.
        """
        return self._stated(gram, self.lemma_names)

    def lemmas_named(self, gram: Gram, names: Collection[str]) -> list[Fact]:
        """Those of :meth:`lemmas` that bear one of ``names``, without the work for the others."""
        if type(self).lemmas is FunctionClass.lemmas:
            return self._stated(gram, [n for n in self.lemma_names if n in names])
        return [f for f in self.lemmas(gram) if f.name in names]

    def _stated(self, gram: Gram, names: Sequence[str]) -> list[Fact]:
        return stated(names, gram.points, Constants(self.alpha, self.beta, LEAST, gram.dot))

    def _sufficient(self) -> tuple[str, ...] | None:
        """Names of the lemmas that are together sufficient for interpolation; None where none are known."""
        return None

    def interpolation(self, points: Sequence[Point]) -> list[Fact] | None:
        """The facts that are necessary and sufficient for a member to pass through ``points``.

        None where no such set is known.  A minimiser takes part as a point with gradient 0.
        """
        names = self._sufficient()
        if names is None:
            return None
        return stated(names, points, Constants(self.alpha, self.beta, LEAST, Gram().dot))

    def interpolation_slacks(
        self, points: Sequence[Any], alpha: Any = 0, beta: Any = 0
    ) -> dict[tuple[str, str, str], Any] | None:
        """The slack (larger − smaller) of each interpolation condition on numerical data.

        ``points`` hold Coordinates and numbers instead of Spans and symbols: Fractions for an exact witness.
        Keys are (lemma, point, point); the data belong to a member iff no slack is negative.
        """
        names = self._sufficient()
        if names is None:
            return None
        if self.dimension is not None and any(len(p.at) != self.dimension for p in points):
            raise InputError(f"{self.name}: the data have another dimension; give points of this one")
        c = Constants(alpha, beta, None, Rational().dot)
        return {
            (name, a.name, b.name): large - small
            for name in names
            for a, b in permutations(points, 2)
            for small, large in (LEMMAS[name].sides(c, a, b),)
        }

    def contains(self, loss: Loss) -> tuple[Relational, ...]:
        """Relations under which ``loss``, a quadratic with known positive eigenvalues, belongs to the class.

        Raises InputError for any other loss: what is merely declared about it is no proof.
        """
        low, high = (loss.facts.alpha, loss.facts.beta) if isinstance(loss, Quadratic) else (None, None)
        if low is None or "beta" not in self.constants or self.dimension not in (None, loss.dimension):
            raise InputError(f"it is not known when {loss.name} belongs to {self.name}")
        return sp.Le(self.alpha, low, evaluate=False), sp.Le(high, self.beta, evaluate=False)

    @abstractmethod
    def families(self) -> tuple[Family, ...]:
        """Generators of members; a draw reads α and β from its environment under these names."""


class StronglyConvex(FunctionClass):
    """Differentiable, α-strongly convex and β-smooth; 0 < α ≤ β."""

    constants = ("alpha", "beta")
    lemma_names = tuple(LEMMAS)

    def _sufficient(self) -> tuple[str, ...]:
        # At α = β the cleared inequality no longer binds the values; the other two then do.
        apart = (self.beta - self.alpha).is_positive
        return ("interpolation",) if apart else ("interpolation", "descent lemma", "strong convexity")

    def families(self) -> tuple[Family, ...]:
        return strongly_convex_families(self.dimension)


class ConvexSmooth(FunctionClass):
    """Convex, β-smooth and bounded below; β > 0."""

    constants = ("beta",)
    lemma_names = (
        "descent lemma",
        "Lipschitz gradient",
        "monotone gradient",
        "cocoercivity",
        "convexity",
        "interpolation",
        "gradient bounded by gap",
        "minimum",
    )

    def _sufficient(self) -> tuple[str, ...]:
        return ("interpolation",)

    def families(self) -> tuple[Family, ...]:
        return convex_families(self.dimension)


class PolyakLojasiewicz(FunctionClass):
    """β-smooth, not necessarily convex, with ‖∇L‖² ≥ 2α(L−L*); 0 < α ≤ β."""

    constants = ("alpha", "beta")
    lemma_names = (
        "descent lemma",
        "Lipschitz gradient",
        "Polyak-Lojasiewicz",
        "gradient bounded by gap",
        "minimum",
    )

    def families(self) -> tuple[Family, ...]:
        return polyak_lojasiewicz_families(self.dimension)


class ScaleInvariant(FunctionClass):
    """Differentiable off the origin with L(cw) = L(w) for every c > 0."""

    def lemmas(self, gram: Gram) -> list[Fact]:
        found = []
        for p in gram.points:
            if p.at.terms and p.gradient.terms:
                product = sp.expand(gram.dot(p.gradient, p.at))
                found.append(Fact("Euler identity", (p.name,), sp.Eq(product, 0, evaluate=False)))
        for a, b in combinations(gram.points, 2):
            c = _ratio(a.at, b.at)
            if c is None:
                continue
            change = b.gradient * c - a.gradient
            relations = [sp.Eq(b.value, a.value, evaluate=False)]
            relations += [
                sp.Eq(sp.expand(gram.dot(change, v)), 0, evaluate=False)
                for v in (change, *(Span({label: sp.S.One}) for label in gram.labels))
            ]
            found += [Fact("scale invariance", (a.name, b.name), r) for r in relations if r.lhs != r.rhs]
        return found

    def families(self) -> tuple[Family, ...]:
        return scale_invariant_families(self.dimension)


def _ratio(a: Span, b: Span) -> sp.Expr | None:
    """c with b = c·a if it is known to be positive."""
    if not a.terms or set(a.terms) != set(b.terms):
        return None
    c, *others = (sp.cancel(b.terms[label] / a.terms[label]) for label in a.terms)
    same = all(sp.cancel(c - other) == 0 for other in others)
    return c if same and c.is_positive else None
