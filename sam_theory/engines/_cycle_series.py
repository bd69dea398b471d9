r"""Leading terms along a 2-cycle that shrinks with a parameter: the lemma *persistence of a hyperbolic cycle*.

Let a parameter ε > 0 of a map F tend to 0, and let the orbit start at εs.  In W = w/ε the map reads G(W, ε) = F(εW)/ε.

Lemma.  Let G be C^k near (±s, 0), with ε = 0 included, let G(·, 0) exchange s ≠ −s, and let the spectral radius of
M = DG(−s, 0)·DG(s, 0) be below 1.  Then for all small ε the orbit from εs tends to a 2-cycle εW±(ε), W± is C^k in
ε ≥ 0, W±(0) = ±s, and its Taylor coefficients are the only solution of the cycle equations in powers of ε.

Proof.  H(V, W, ε) = (G(V, ε) − W, G(W, ε) − V) vanishes at (s, −s, 0), and its derivative in (V, W) is invertible:
if DG(s, 0)v = w and DG(−s, 0)w = v, then Mv = v, so v = 0 and w = 0.  The implicit function theorem gives W±, of class
C^k, and the coefficients by comparing powers.  In a norm in which M contracts, G(G(·, ε), ε) contracts a fixed ball
around s uniformly in small ε, s lies in it, and W₊(ε) is its fixed point.

A quantity of w and w_next that has the same series at both points of the cycle has the limit with this series.  For the
step of SAM on a loss that is C^{k+2} near a nondegenerate minimum at 0, G is C^k where its gradient ΛW does not vanish:
∇L(εW)/ε = ∫₀¹ ∇²L(σεW)W dσ.  The coefficients are found by the same symbolic step that every engine runs.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import sympy as sp

from sam_theory.arithmetic import Coordinates, Symbolic, lower
from sam_theory.arithmetic._factor import factored
from sam_theory.engines._goal import Goal, nonzero
from sam_theory.engines._laurent import Laurent, NoSeries, Series
from sam_theory.engines._leading import RLIMIT, Leading, Unknown, one_fixed_map
from sam_theory.engines._smt import close as smt_close
from sam_theory.theorems import Asymptotic, Theorem

LEMMA = "persistence of a hyperbolic cycle"
#: coefficients of the cycle that are computed at most
_TERMS = 4

Vector = list[sp.Expr]


def leading_on_cycle(theorem: Theorem, claim: Asymptotic) -> Leading:
    """The leading term of the quantity, by series along the cycle.  Raises Unknown."""
    small, start = claim.small, [sp.sympify(c) for c in claim.start]
    one_fixed_map(theorem)
    ratio = [sp.cancel(c / small) for c in start]
    if theorem.loss.dimension != len(start) or small.name not in theorem.map.parameters:
        raise Unknown("the small symbol is no parameter of the map")
    if any(small in c.free_symbols for c in ratio) or not any(ratio):
        raise Unknown(f"the start is not proportional to {small}")
    if not small.is_nonnegative and sp.StrictGreaterThan(small, 0) not in theorem.all_hypotheses:
        raise Unknown(f"the hypotheses do not say that {small} is positive")
    try:
        cycle = _Cycle(theorem, claim, ratio)
        while True:
            cycle.extend()
            try:
                found = cycle.leading()
            except NoSeries:
                if cycle.terms == _TERMS:
                    raise
                continue
            term, order = found
            if cycle.terms == _TERMS or sp.sympify(order - claim.order).is_nonnegative:
                how = "series along a 2-cycle that shrinks with the parameter"
                return Leading(term, order, how, (LEMMA, "z3"))
    except NoSeries as problem:
        raise Unknown(f"no series: {problem}") from None


class _Cycle:
    """The 2-cycle from ``ratio`` at ε = 0, as power series in ε."""

    def __init__(self, theorem: Theorem, claim: Asymptotic, ratio: Vector) -> None:
        self.theorem, self.claim = theorem, claim
        self.small = sp.Symbol("small!", positive=True)
        self.hypotheses = tuple(h for h in theorem.all_hypotheses if claim.small not in h.free_symbols)
        self.symbols = tuple(s for s in theorem.symbols if s != claim.small)
        self.env = {s.name: s for s in self.symbols} | {claim.small.name: self.small}
        self.size = len(ratio)
        self.known_sides: dict[sp.Expr, int | None] = {}
        self.points: tuple[list[Vector], list[Vector]] = ([ratio], [[-c for c in ratio]])
        matrices = self._order_zero()
        whole = sp.Matrix(sp.BlockMatrix([[matrices[0], -sp.eye(self.size)], [-sp.eye(self.size), matrices[1]]]))
        self.inverse = whole.inv().applyfunc(sp.cancel)

    @property
    def terms(self) -> int:
        """The number of coefficients that are known."""
        return len(self.points[0])

    # -- the map -----------------------------------------------------------------------------------------
    def _side(self, e: sp.Expr) -> int | None:
        """The sign of a coefficient, if z3 derives it from the hypotheses."""
        if e not in self.known_sides:
            self.known_sides[e] = None
            for relation, side in ((sp.StrictGreaterThan, 1), (sp.StrictLessThan, -1)):
                if smt_close(Goal("sign", self.hypotheses, relation(e, 0)), RLIMIT).status == "proved":
                    self.known_sides[e] = side
                    break
        return self.known_sides[e]

    def _laurent(self, further: Sequence[sp.Symbol] = ()) -> Laurent:
        return Laurent(self.small, self.terms + 1, self._side, (*self.symbols, *further))

    def _image(self, which: int, expand: Laurent, kick: Sequence[int] = ()) -> list[Series]:
        """The series of G at a point, moved by ε times ``kick``."""
        point = self._at(which, kick, 1) if kick else self._at(which)
        first = self.theorem.map.state[0]
        image = self.theorem.map.step(
            Symbolic(), {first: Coordinates(sp.expand(self.small * c) for c in point)}, self.env
        )
        return [expand(c / self.small) for c in image[first]]

    def _at(self, which: int, unknown: Sequence[Any] = (), order: int = 0) -> Vector:
        known = self.points[which]
        total = [sp.Add(*(p[j] * self.small**k for k, p in enumerate(known))) for j in range(self.size)]
        return [c + u * self.small**order for c, u in zip(total, unknown, strict=True)] if unknown else total

    def _order_zero(self) -> list[sp.Matrix]:
        """DG(±s, 0), where ±s follow each other at ε = 0 and the return map contracts."""
        matrices = []
        for k in (0, 1):
            expand = self._laurent()
            image = self._image(k, expand)
            for c, b in zip(image, self._at(1 - k), strict=True):
                if c.coefficient(-1) or c.coefficient(0) != expand.number(b):
                    raise NoSeries("the start is no 2-cycle of the limit map")
            # At s + εv the coefficient of ε is ∂G/∂ε + DG(s, 0)v.
            columns = [self._image(k, expand, [int(i == j) for i in range(self.size)]) for j in range(self.size)]
            slopes = [
                [expand.expression(m.coefficient(1) - c.coefficient(1)) for m, c in zip(column, image, strict=True)]
                for column in columns
            ]
            matrices.append(sp.Matrix(slopes).T)
        product = (matrices[1] * matrices[0]).applyfunc(sp.cancel)
        if not (product.is_upper or product.is_lower):
            raise NoSeries("the return map couples the coordinates")
        for i in range(self.size):
            goal = Goal("the cycle attracts", self.hypotheses, sp.StrictLessThan(factored(product[i, i]) ** 2, 1))
            if smt_close(goal, RLIMIT).status != "proved":
                raise NoSeries(f"the hypotheses do not say that the multiplier {product[i, i]} has modulus below 1")
        return matrices

    def extend(self) -> None:
        """The next coefficients: a linear system whose matrix is that of order 0."""
        expand, order = self._laurent(), self.terms
        rest = [expand.expression(c.coefficient(order)) for k in (0, 1) for c in self._image(k, expand)]
        found = [factored(e) for e in -(self.inverse * sp.Matrix(rest))]
        for k in (0, 1):
            self.points[k].append(found[k * self.size : (k + 1) * self.size])

    # -- the quantity ------------------------------------------------------------------------------------
    def leading(self) -> tuple[sp.Expr, int]:
        """The leading term and the relative order of what follows; raises Unknown if the two points differ."""
        names = [[sp.Symbol(f"rest{i}{j}!", real=True) for j in range(self.size)] for i in (0, 1)]
        expand = self._laurent([*names[0], *names[1]])
        series = [self._quantity(k, expand, names) for k in (0, 1)]
        (power, term), (other_power, other) = (s.leading() for s in series)
        if power != other_power or term != other:
            raise Unknown("the quantity has different leading terms at the two points of the cycle")
        found = factored(expand.expression(term))
        if smt_close(Goal("the coefficient", self.hypotheses, nonzero(found)), RLIMIT).status != "proved":
            raise Unknown(f"the hypotheses do not exclude that the leading coefficient {found} vanishes")
        order = 1
        while power + order < min(s.end for s in series) and not any(s.coefficient(power + order) for s in series):
            order += 1
        return found * self.claim.small**power, order

    def _quantity(self, k: int, expand: Laurent, names: list[list[sp.Symbol]]) -> Series:
        """The quantity at point k, as far as it does not depend on coefficients that were not computed."""
        scaled = [Coordinates(self.small * c for c in self._at(i, names[i], self.terms)) for i in (k, 1 - k)]
        env = {**self.env, "w": scaled[0], "w_next": scaled[1]}
        found = Symbolic().run(lower(self.claim.quantity), env, self.theorem.loss)["result"]
        series, unknown = expand(sp.sympify(found)), {*names[0], *names[1]}
        known = itertools.takewhile(lambda a: not expand.expression(a).free_symbols & unknown, series.coefficients)
        return Series(series.valuation, tuple(known))
