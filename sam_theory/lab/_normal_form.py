r"""What one step does beside a manifold of minima, derived from the rule on the normal form of any loss there.

At a minimum m(θ) the loss is, up to fourth order in p = (n, t),

.. math:: L=\tfrac12\sum_i\lambda_in_i^2+\tfrac16\sum T_{abc}p_ap_bp_c,\qquad T_{ttt}=0,

in orthonormal coordinates n across the manifold (eigenvectors of the Hessian) and t along it.  With p = (ρξ, 0) a step
is run in power series; ξ⁺ is read off at order ρ, the motion h along the manifold at order ρ².  In the chart w = m(θ) +
ρN(θ)ξ this is the form ξ⁺ = Φ(ξ,θ)+O(ρ), θ⁺ = θ+ρ²h+O(ρ³) of the lemma *fast 2-cycle, slow drift*
(``engines/_slow_drift.py``): N is normal, so that ρN(θ⁺)ξ⁺ and the second derivative of m enter the tangent at order ρ³
only.  Fourth derivatives of L enter the gradient at order ρ³.  Corrections of ξ at order ρ move θ at order ρ³.

The entries of T are symbols, so that what the drift depends on is seen, not assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import factorial

import sympy as sp

from sam_theory.arithmetic import LENGTH, Coordinates, NotExact, Series, Undecided
from sam_theory.dynamics import Map
from sam_theory.errors import InputError
from sam_theory.lab._memory import Memory, jury, memory_step
from sam_theory.losses import Expression
from sam_theory.rules import Rule

__all__ = ["Law", "curvature_symbols", "law_of"]

#: Operations that see more of a vector than lengths and inner products: their result turns with the coordinates.
_BY_COORDINATES = {"each", "largest", "block", "concat", "component", "stack", "matmul"}
_Step = tuple[list[list[sp.Expr]], list[list[sp.Expr]]]
_DISTANCE = sp.Symbol("epsilon", positive=True)


@dataclass(frozen=True)
class Law:
    """The motion beside any manifold of minima, in units of the small length.

    Parameters
    ----------
    small : Symbol
        ρ; for a rule without a length of its own the distance ε of the state from the minima.
    radius : Expr
        Half-amplitude of the 2-cycle across the valley over ``small``; 0 where the minima themselves attract.
    factor : Expr
        K: the drift of one step on the cycle is small²·K·∇_Γ λ₁.  0 where the minima attract.
    transient : Expr
        Where the minima attract: an orbit that starts at ε·n₁ ends ε²·transient·∇_Γ λ₁ from there.  Else 0.
    multipliers : tuple of Expr
        Of one step on the cycle, the change of sides kept out: along n₁, then along the other normals.
    positive : tuple of Expr
        What has to be positive for the cycle, or the minima, to attract.
    order : int
        Of the relative error, at least: 2 for the drift over T/small² steps where the step is odd across the valley,
        else 1.
    memory : Expr
        The further state vector of a rule that has one, on the cycle at +radius: its component along n₁ over ``small``.
    """

    small: sp.Symbol
    radius: sp.Expr
    factor: sp.Expr
    transient: sp.Expr
    multipliers: tuple[sp.Expr, ...]
    positive: tuple[sp.Expr, ...]
    order: int
    memory: sp.Expr = sp.S.Zero

    @property
    def drifts(self) -> bool:
        """Whether there is a drift at order small²."""
        return self.factor != 0


_LAWS: dict[tuple[str, int, int], Law] = {}


def curvature_symbols(codimension: int) -> list[sp.Symbol]:
    """λ of the direction that oscillates, and those of the other normals."""
    return [sp.Symbol("lam" if i == 0 else f"lam{i + 1}", positive=True) for i in range(codimension)]


def law_of(rule: Rule, codimension: int, dimension: int) -> Law:
    """The law of ``rule`` beside manifolds of the given dimension, curved in ``codimension`` directions.

    Raises InputError for a rule that is not covered: noise, a schedule, further state vectors, coordinates.
    """
    key = (rule.definition, codimension, dimension)
    if key not in _LAWS:
        _LAWS[key] = _derived(rule, codimension, dimension)
    return _LAWS[key]


def _derived(rule: Rule, codimension: int, dimension: int) -> Law:
    _check(rule)
    lengths = [p for p in rule.parameters if rule.dimensions.get(p) == LENGTH]
    if len(lengths) > 1:
        raise InputError(f"{rule.name} has several lengths, {', '.join(lengths)}: the drift is derived for one")
    small = sp.Symbol(lengths[0], positive=True) if lengths else _DISTANCE
    if len(rule.state) > 1:
        if codimension > 1:
            raise InputError(f"{rule.name} has a memory: its drift is derived beside valleys with one curvature")
        return _with_memory(_Form(rule, 1, dimension, small))
    _check_translation(_Form(rule, 1, 1, small))
    form = _Form(rule, codimension, dimension, small)
    xi = form.xi
    sides = [form.step([side * xi]) for side in (1, -1)]
    images = [side * across[0][0] for side, (across, _) in zip((1, -1), sides, strict=True)]
    if sp.simplify(images[0] - images[1]) != 0:
        raise InputError(f"{rule.name} treats the two sides of a valley differently: the drift is not derived")
    moved = [_split(along[a][0], form.tensor, form.slope(a), rule) for _, along in sides for a in range(dimension)]
    if any(sp.simplify(m - moved[0]) != 0 for m in moved):
        raise InputError(f"{rule.name} does not treat the directions along the minima alike: the drift is not derived")
    image, motion = images[0], moved[0]
    pure = sp.cancel(image / xi)
    if not pure.has(xi):
        return _rest(form, pure, motion)
    found = [r for r in sp.solve(image + xi, xi, dict=False) if r != 0]
    if len(found) != 1:
        raise InputError(f"{rule.name} has {len(found)} candidates for a 2-cycle across a valley; one is covered")
    radius = sp.factor(found[0])
    multipliers = (sp.factor(sp.diff(image, xi).subs(xi, radius)), *form.across(radius))
    positive = _conditions([radius, *_stable(multipliers)])
    factor = _oriented(sp.factor(motion.subs(xi, radius)), positive)
    order = 2 if _odd(sides) else 1
    return Law(small, _oriented(radius, positive), factor, sp.S.Zero, multipliers, positive, order)


def _rest(form: _Form, multiplier: sp.Expr, motion: sp.Expr) -> Law:
    """The minima are fixed points that attract: what remains is the way in, a geometric series."""
    if sp.limit(motion, form.xi, 0) != 0 or not form.rests():
        raise InputError(f"{form.rule.name} moves along the minima without leaving them: the drift is not derived")
    multipliers = tuple(sp.factor(multiplier.subs(form.curvatures[0], c)) for c in form.curvatures)
    positive = _conditions(_stable(multipliers))
    transient = sp.S.Zero
    square = sp.cancel(motion / form.xi**2)
    if form.small == _DISTANCE and not square.has(form.xi):
        transient = _oriented(sp.factor(square / (1 - multiplier**2)), positive)
    return Law(form.small, sp.S.Zero, sp.S.Zero, transient, multipliers, positive, 1)


def _with_memory(form: _Form) -> Law:
    """The law of a rule with one further state vector; see ``_memory.py``."""
    rule, xi = form.rule, form.xi
    nu = sp.Symbol("nu", real=True)
    kappa = [sp.Symbol(f"kappa{a}", real=True) for a in range(form.k)]
    plus, minus = (form.remember(side * xi, side * nu, kappa) for side in (1, -1))
    for part, parity in ((plus.across, -1), (sum(plus.along, ()), 1)):
        other = minus.across if part is plus.across else sum(minus.along, ())
        if any(sp.simplify(p[0] - parity * m[0]) != 0 for p, m in zip(part, other, strict=True)):
            raise InputError(f"{rule.name} treats the two sides of a valley differently: the drift is not derived")
    there = form.remember(xi, nu, kappa, sp.Symbol("C", real=True))
    if any(sp.simplify(p[0] - m[0]) != 0 for p, m in zip(plus.across, there.across, strict=True)):
        raise InputError(f"{rule.name} depends on where the origin is: its drift is not derived")
    fast = [e[0] for e in plus.across]
    resting = [form.slope(a) for a in range(form.k)]
    kept = sp.solve([e[0] - c for e, c in zip(plus.along[1], kappa, strict=True)], kappa, dict=True)
    found = sp.solve([fast[0] + xi, fast[1] + nu], [xi, nu], dict=True)
    if len(kept) != 1 or len(found) > 1:
        raise InputError(f"{rule.name} has no single 2-cycle across a valley: the drift is not derived")
    matrix = sp.Matrix(fast).jacobian([xi, nu])
    memory = sp.Matrix([e[0] for e in plus.along[1]]).jacobian(kappa)
    if matrix.has(xi, nu) or not memory.is_diagonal():
        raise InputError(f"the fast map of {rule.name} is not linear on one side of a valley: not covered")
    needed = [*jury(matrix), *_stable([memory[a, a] for a in range(form.k)])]
    multipliers = tuple(matrix.eigenvals(multiple=True))
    still = {xi: 0, nu: 0, **dict.fromkeys(kappa, 0)}
    if all(e.subs(still) == 0 for e in (*fast, *(e[0] for row in plus.along for e in row))):
        return Law(form.small, sp.S.Zero, sp.S.Zero, sp.S.Zero, multipliers, _conditions(needed), 1)
    if not found:
        raise InputError(f"{rule.name} has no 2-cycle across a valley")
    cycle, (drift,) = (
        found[0],
        {
            sp.factor(_split(sp.expand(e[0].subs(kept[0])), form.tensor, t, rule).subs(found[0]))
            for e, t in zip(plus.along[0], resting, strict=True)
        },
    )
    positive = _conditions([cycle[xi], *needed])
    return Law(
        form.small,
        _oriented(sp.factor(cycle[xi]), positive),
        _oriented(drift, positive),
        sp.S.Zero,
        multipliers,
        positive,
        2 if _odd([(list(map(list, plus.across)), _rows(plus)), (list(map(list, minus.across)), _rows(minus))]) else 1,
        sp.factor(cycle[nu]),
    )


def _rows(step: Memory) -> list[list[sp.Expr]]:
    return [list(e) for vector in step.along for e in vector]


def _check_translation(form: _Form) -> None:
    """Refuse a rule that knows where the origin is, such as one with weight decay."""
    here = form.step([form.xi], cubic=False)
    there = form.step([form.xi], cubic=False, shifts=[sp.Symbol("C_n", real=True), sp.Symbol("C_t", real=True)])
    pairs = (
        (a, b)
        for part in (0, 1)
        for p, q in zip(here[part], there[part], strict=True)
        for a, b in zip(p, q, strict=True)
    )
    if any(sp.simplify(a - b) != 0 for a, b in pairs):
        raise InputError(f"{form.rule.name} depends on where the origin is: its drift is not derived")


def _check(rule: Rule) -> None:
    if rule.noise or rule.uses_step_number or rule.velocity:
        raise InputError(f"the drift is derived for one fixed map; {rule.name} has noise, a schedule or is a flow")
    seen = {node.op for _, node in rule.program} & _BY_COORDINATES
    if seen:
        raise InputError(
            f"{rule.name} acts on coordinates, not on lengths and inner products alone: its drift depends on how the "
            "valley lies to the axes, and is not derived"
        )


class _Form:
    """The normal form as a loss, and steps on it."""

    def __init__(self, rule: Rule, codimension: int, dimension: int, small: sp.Symbol) -> None:
        self.rule, self.small, self.q, self.k = rule, small, codimension, dimension
        self.curvatures = curvature_symbols(codimension)
        self.xi = sp.Symbol("xi", positive=True)
        names = [f"n{i}" for i in range(codimension)] + [f"t{a}" for a in range(dimension)]
        self.places = [sp.Symbol(n, real=True) for n in names]
        self.quadratic = sum((c * p**2 / 2 for c, p in zip(self.curvatures, self.places, strict=False)), sp.S.Zero)
        self.tensor: dict[tuple[int, ...], sp.Symbol] = {}
        cubic = sp.S.Zero
        for index in combinations_with_replacement(range(len(names)), 3):
            if index[0] >= codimension:
                continue  # the gradient vanishes along the minima
            entry = self.tensor[index] = sp.Symbol("T_" + "".join(names[i] for i in index), real=True)
            weight = factorial(3)
            for i in set(index):
                weight //= factorial(index.count(i))
            cubic += sp.Rational(weight, 6) * entry * sp.Mul(*(self.places[i] for i in index))
        self.cubic = cubic

    def slope(self, a: int) -> sp.Symbol:
        """T(n₁, n₁, t_a), the derivative of λ₁ along t_a."""
        return self.tensor[(0, 0, self.q + a)]

    def step(self, offset: Sequence[sp.Expr], cubic: bool = True, shifts: Sequence[sp.Expr] = ()) -> _Step:
        """From small·offset across the valley: image across at orders 1, 2 and motion along at orders 2, 3.

        ``shifts`` moves valley and state together.
        """
        formula = self.quadratic + (self.cubic if cubic else 0)
        formula = formula.subs({p: p - c for p, c in zip(self.places, shifts, strict=False)}, simultaneous=True)
        map = Map(self.rule, self._loss(formula))
        series = Series(self.small, 4, _sign)
        known = {s.name: s for s in (*self.curvatures, *self.tensor.values(), *shifts)}
        env = {n: series.constant(known.get(n, sp.Symbol(n, positive=True))) for n in map.parameters}
        base = [series.constant(c) for c in shifts] or [series.constant(0)] * len(self.places)
        here = [b + (series.constant(self.small) * offset[i] if i < len(offset) else 0) for i, b in enumerate(base)]
        try:
            (image,) = map.step(series, {self.rule.state[0]: Coordinates(here)}, env).values()
            moved = [a - b for a, b in zip(image, base, strict=True)]
            across, along = moved[: self.q], moved[self.q :]
            if any(e.coefficient(0) != 0 for e in across):
                raise InputError(f"{self.rule.name} leaves the valley by more than {self.small}: no drift is derived")
            if any(e.coefficient(p) != 0 for e in along for p in (0, 1)):
                raise InputError(f"{self.rule.name} moves along the minima faster than {self.small}^2")
            return (
                [[e.coefficient(1), e.coefficient(2)] for e in across],
                [[e.coefficient(2), e.coefficient(3)] for e in along],
            )
        except (Undecided, NotExact) as problem:
            raise InputError(f"the step of {self.rule.name} beside a valley has no power series: {problem}") from None

    def remember(self, xi: sp.Expr, nu: sp.Expr, kappa: Sequence[sp.Expr], shift: sp.Expr = sp.S.Zero) -> Memory:
        """One step of a rule with a further state vector; ``shift`` moves valley and iterate in every coordinate."""
        formula = self.quadratic + self.cubic
        loss = self._loss(formula.subs({p: p - shift for p in self.places}, simultaneous=True) if shift else formula)
        series = Series(self.small, 4, _sign)
        known = {s.name: s for s in (*self.curvatures, *self.tensor.values(), shift) if s != 0}
        names = Map(self.rule, loss).parameters
        env = {n: series.constant(known.get(n, sp.Symbol(n, positive=True))) for n in names}
        still = [sp.S.Zero] * self.k
        return memory_step(self.rule, loss, series, env, [xi, nu], [still, kappa], shift)

    def rests(self) -> bool:
        """Whether a step from a minimum stays there exactly."""
        series = Series(self.small, 4, _sign)
        map = Map(self.rule, self._loss(self.quadratic))
        env = {n: series.constant(sp.Symbol(n, positive=True)) for n in map.parameters}
        origin = Coordinates([series.constant(0)] * len(self.places))
        (image,) = map.step(series, {self.rule.state[0]: origin}, env).values()
        return all(series.is_zero(e) for e in image)

    def _loss(self, formula: sp.Expr) -> Expression:
        return Expression(formula, [str(p) for p in self.places], name="normal form")

    def across(self, radius: sp.Expr) -> list[sp.Expr]:
        """Multipliers along the other normals: the derivative of one step at the point of the cycle."""
        found, delta = [], sp.Symbol("delta", real=True)
        for j in range(1, self.q):
            offset = [self.xi, *(delta if i == j else sp.S.Zero for i in range(1, self.q))]
            image, _ = self.step(offset, cubic=False)
            found.append(sp.factor(sp.diff(image[j][0], delta).subs(delta, 0).subs(self.xi, radius)))
        return found


def _odd(sides: Sequence[_Step]) -> bool:
    """Φ(−ξ, −ρ) = −Φ(ξ, ρ) and h(−ξ, −ρ) = h(ξ, ρ) in two orders: both branches are written in |ξ|.

    Fourth derivatives enter h at order ρ linearly, at displacements that are odd in ξ: they do not spoil it.
    """
    plus, minus = sides
    for part, parity in ((0, -1), (1, 1)):
        for p, m in zip(plus[part], minus[part], strict=True):
            if any(sp.simplify(p[i] - parity * (-1) ** i * m[i]) != 0 for i in (0, 1)):
                return False
    return True


def _sign(e: sp.Expr) -> int | None:
    return 1 if e.is_positive else -1 if e.is_negative else None


def _split(motion: sp.Expr, tensor: dict[tuple[int, ...], sp.Symbol], slope: sp.Symbol, rule: Rule) -> sp.Expr:
    """The factor of ``slope`` in a motion that depends on no other third derivative."""
    factor = sp.diff(motion, slope)
    if sp.simplify(motion - factor * slope) != 0 or factor.has(*tensor.values()):
        raise InputError(f"the drift of {rule.name} does not follow the gradient of the curvature: not covered")
    return sp.simplify(factor)


def _stable(multipliers: Sequence[sp.Expr]) -> list[sp.Expr]:
    return [e for m in multipliers for e in (1 - m, 1 + m)]


def _conditions(needed: Sequence[sp.Expr]) -> tuple[sp.Expr, ...]:
    """What of ``needed`` is not positive anyway, or where the others are."""
    found: list[sp.Expr] = []
    for e in needed:
        rest = _unsigned(e, found)
        if rest != 1 and not any(sp.expand(rest - f) == 0 for f in found):
            found.append(rest)
    kept = list(found)
    for e in found:
        others = [f for f in kept if f != e]
        if others and _unsigned(e, others) == 1:
            kept = others
    return tuple(kept)


def _unsigned(e: sp.Expr, known: Sequence[sp.Expr]) -> sp.Expr:
    """The product of the factors of ``e`` whose sign is not known, with the sign of the others."""
    rest = sp.S.One
    numerator, denominator = sp.fraction(sp.factor(e))
    for factor in sp.Mul.make_args(sp.factor(numerator * denominator)):
        base, power = factor.as_base_exp()
        if power.is_Integer and power % 2 == 0:
            continue
        sign = _sign_given(base, known)
        rest *= base if sign is None else sign
    return rest


def _sign_given(e: sp.Expr, known: Sequence[sp.Expr]) -> int | None:
    """The sign of ``e`` given that every one of ``known`` is positive: each is put in for a symbol."""
    if _sign(e) is not None:
        return _sign(e)
    for i, condition in enumerate(known):
        gap = sp.Symbol(f"gap{i}", positive=True)
        for s in sorted(condition.free_symbols & e.free_symbols, key=str):
            if sp.Poly(condition, s).degree() == 1:
                (value,) = sp.solve(condition - gap, s)
                found = sp.factor(sp.expand(e.subs(s, value)))
                sign = _sign(found)
                if sign is not None:
                    return sign
    return None


def _oriented(e: sp.Expr, positive: Sequence[sp.Expr]) -> sp.Expr:
    """``e`` with each factor −c, c one of ``positive``, written as c."""
    result = sp.S.One
    for factor in sp.Mul.make_args(e):
        base, power = factor.as_base_exp()
        flipped = next((c for c in positive if power.is_Integer and sp.expand(base + c) == 0), None)
        result *= factor if flipped is None else (-1) ** power * flipped**power
    return result
