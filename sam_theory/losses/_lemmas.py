"""The inequalities of function classes, each written once for symbols and for exact data alike.

A formula sees two evaluations of L, the constants of the class and an inner product.  On the points of a
Gram form it gives a relation between symbols; on points of exact coordinates it gives two numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any

import sympy as sp
from sympy.core.relational import Relational

from sam_theory.arithmetic import Gram, Point

__all__ = [
    "LEMMAS",
    "LEMMA_SOURCES",
    "Constants",
    "Fact",
    "Lemma",
    "cauchy_schwarz",
    "cauchy_schwarz_linear",
    "stated",
]


@dataclass(frozen=True)
class Fact:
    """A relation that holds for every member of a class at the named points, and the lemma behind it."""

    name: str
    points: tuple[str, ...]
    relation: Relational


@dataclass(frozen=True, slots=True)
class Constants:
    """What a formula knows of the class: α (0 if convex), β, L* = inf L and the inner product."""

    alpha: Any
    beta: Any
    least: Any
    dot: Callable[[Any, Any], Any]

    def square(self, v: Any) -> Any:
        """‖v‖²."""
        return self.dot(v, v)


Sides = tuple[Any, Any]


@dataclass(frozen=True, slots=True)
class Lemma:
    """A named inequality smaller ≤ larger, over one point (``arity`` 1) or two.

    A symmetric lemma says the same of (a, b) and (b, a) and is stated once for each pair.
    """

    name: str
    arity: int
    symmetric: bool
    sides: Callable[[Constants, Point, Point], Sides]
    source: str


def _linear(c: Constants, a: Point, b: Point) -> Any:
    return a.value + c.dot(a.gradient, b.at - a.at)


def _alignment(c: Constants, a: Point, b: Point) -> Any:
    return c.dot(b.gradient - a.gradient, b.at - a.at)


def _descent(c: Constants, a: Point, b: Point) -> Sides:
    return b.value, _linear(c, a, b) + c.beta * c.square(b.at - a.at) / 2


def _monotone(c: Constants, a: Point, b: Point) -> Sides:
    return 0 * c.beta, _alignment(c, a, b)


def _strongly_monotone(c: Constants, a: Point, b: Point) -> Sides:
    return c.alpha * c.square(b.at - a.at), _alignment(c, a, b)


def _cocoercive(c: Constants, a: Point, b: Point) -> Sides:
    return c.square(b.gradient - a.gradient), c.beta * _alignment(c, a, b)


def _lipschitz(c: Constants, a: Point, b: Point) -> Sides:
    return c.square(b.gradient - a.gradient), c.beta**2 * c.square(b.at - a.at)


def _convex(c: Constants, a: Point, b: Point) -> Sides:
    return _linear(c, a, b), b.value


def _strongly_convex(c: Constants, a: Point, b: Point) -> Sides:
    return _linear(c, a, b) + c.alpha * c.square(b.at - a.at) / 2, b.value


def _interpolation(c: Constants, a: Point, b: Point) -> Sides:
    step, change = b.at - a.at, b.gradient - a.gradient
    quadratic = c.square(change) + c.alpha * c.beta * c.square(step) - 2 * c.alpha * c.dot(change, step)
    return quadratic, 2 * (c.beta - c.alpha) * (b.value - _linear(c, a, b))


def _polyak_lojasiewicz(c: Constants, a: Point, b: Point) -> Sides:
    return 2 * c.alpha * (a.value - c.least), c.square(a.gradient)


def _bounded_by_gap(c: Constants, a: Point, b: Point) -> Sides:
    return c.square(a.gradient), 2 * c.beta * (a.value - c.least)


def _minimum(c: Constants, a: Point, b: Point) -> Sides:
    return c.least, a.value


_BOOK = "Nesterov, Introductory Lectures on Convex Optimization (2004)"

LEMMAS: dict[str, Lemma] = {
    lemma.name: lemma
    for lemma in (
        Lemma("descent lemma", 2, False, _descent, f"{_BOOK}, Lemma 1.2.3: L(b) ≤ L(a)+⟨g_a,b−a⟩+β/2‖b−a‖²"),
        Lemma("Lipschitz gradient", 2, True, _lipschitz, "definition of β-smooth: ‖g_b−g_a‖ ≤ β‖b−a‖"),
        Lemma("monotone gradient", 2, True, _monotone, f"{_BOOK}, section 2.1: L convex ⟺ ⟨g_b−g_a,b−a⟩ ≥ 0"),
        Lemma(
            "strong monotonicity",
            2,
            True,
            _strongly_monotone,
            f"{_BOOK}, section 2.1.3: L α-strongly convex ⟺ ⟨g_b−g_a,b−a⟩ ≥ α‖b−a‖²",
        ),
        Lemma(
            "cocoercivity",
            2,
            True,
            _cocoercive,
            f"{_BOOK}, Theorem 2.1.5 (Baillon and Haddad 1977): β⟨g_b−g_a,b−a⟩ ≥ ‖g_b−g_a‖²",
        ),
        Lemma("convexity", 2, False, _convex, f"{_BOOK}, section 2.1: L(b) ≥ L(a)+⟨g_a,b−a⟩"),
        Lemma(
            "strong convexity",
            2,
            False,
            _strongly_convex,
            f"{_BOOK}, section 2.1.3, definition: L(b) ≥ L(a)+⟨g_a,b−a⟩+α/2‖b−a‖²",
        ),
        Lemma(
            "interpolation",
            2,
            False,
            _interpolation,
            "Taylor, Hendrickx and Glineur, Math. Program. 161 (2017), arXiv 1502.05666, interpolation by "
            "smooth strongly convex functions; multiplied by 2(β−α), so that it stays valid at α = β",
        ),
        Lemma(
            "Polyak-Lojasiewicz",
            1,
            False,
            _polyak_lojasiewicz,
            "Polyak 1963; Karimi, Nutini and Schmidt 2016, arXiv 1608.04636: ‖g_a‖² ≥ 2α(L(a)−L*), the "
            "definition of the class, and a consequence of α-strong convexity",
        ),
        Lemma(
            "gradient bounded by gap",
            1,
            False,
            _bounded_by_gap,
            f"{_BOOK}, consequence of Lemma 1.2.3 at b = a−g_a/β: ‖g_a‖² ≤ 2β(L(a)−L*)",
        ),
        Lemma("minimum", 1, False, _minimum, "definition of L* = inf L: L(a) ≥ L*"),
    )
}

#: Where each named fact comes from.
LEMMA_SOURCES: dict[str, str] = {name: lemma.source for name, lemma in LEMMAS.items()} | {
    "Euler identity": "derivative of L(cw) = L(w) in c at c = 1 (Euler): ⟨g_a,a⟩ = 0",
    "scale invariance": "definition, L(cw) = L(w) for c > 0, and its derivative in w: c∇L(cw) = ∇L(w)",
    "spectral bounds": "spectral theorem: α‖v‖² ≤ ⟨v,Λv⟩ ≤ β‖v‖² and α⟨v,Λv⟩ ≤ ‖Λv‖² ≤ β⟨v,Λv⟩",
    "spectral interval": "spectral theorem: (Λ−α)(β−Λ) ⪰ 0, αβ‖v‖²+‖Λv‖² ≤ (α+β)⟨v,Λv⟩ (it implies Kantorovich)",
    "Cauchy-Schwarz": "Cauchy and Schwarz: ⟨a,b⟩² ≤ ‖a‖²‖b‖²",
}


def stated(names: Sequence[str], points: Sequence[Point], c: Constants) -> list[Fact]:
    """The named lemmas over all ``points``, in this order; trivial relations are left out."""
    found: list[Fact] = []
    for name in names:
        lemma = LEMMAS[name]
        if lemma.arity == 1:
            tuples = [(p, p) for p in points]
        else:
            tuples = list((combinations if lemma.symmetric else permutations)(points, 2))
        for a, b in tuples:
            small, large = (sp.expand(side) for side in lemma.sides(c, a, b))
            if small == large:
                continue
            labels = (a.name,) if lemma.arity == 1 else (a.name, b.name)
            found.append(Fact(name, labels, sp.Le(small, large, evaluate=False)))
    return found


def cauchy_schwarz(gram: Gram, label_a: str, label_b: str) -> Fact:
    """⟨a,b⟩² ≤ ‖a‖²‖b‖² for two labels of ``gram``."""
    product, bound = gram.entry(label_a, label_b), gram.length(label_a) * gram.length(label_b)
    return Fact("Cauchy-Schwarz", (label_a, label_b), sp.Le(product**2, bound**2, evaluate=False))


def cauchy_schwarz_linear(gram: Gram, label_a: str, label_b: str) -> tuple[Fact, Fact]:
    """−‖a‖‖b‖ ≤ ⟨a,b⟩ and ⟨a,b⟩ ≤ ‖a‖‖b‖: the same, linear in the inner product."""
    product, bound = gram.entry(label_a, label_b), gram.length(label_a) * gram.length(label_b)
    labels = (label_a, label_b)
    return (
        Fact("Cauchy-Schwarz", labels, sp.Le(-bound, product, evaluate=False)),
        Fact("Cauchy-Schwarz", labels, sp.Le(product, bound, evaluate=False)),
    )
