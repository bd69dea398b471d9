r"""Multipliers of a rule beside stationary points, from the rule alone, as functions of the curvatures.

*Rest.*  Let a rule see vectors through lengths and inner products only, and let the step from :math:`m+tu` (further
state vectors :math:`tv`), m stationary, be :math:`m+tJ(u,v)+o(t)` with J linear.  Gradients enter through
:math:`\nabla L(m+tp)=t\nabla^2L(m)p+o(t)` only, so J is that of the quadratic with the same Hessian; it commutes with
reflections that keep the quadratic, hence takes each eigendirection of the Hessian, curvature λ, into itself: there it
is a matrix M(λ) with a row for each state vector.  Directions along a manifold of minima have λ = 0.

*Jump.*  Where the step from :math:`m+tu` does not tend to m (a normalised gradient), the quadratic has in each
eigendirection the symmetric 2-cycle F(z) = −z, z the state with w = m + re.  Its return map has the derivative
:math:`J^2`, J = DF(z), since F is odd about m; J has a block along e and one for each other curvature, λ_j = 0 along
the manifold.  For a loss that is no quadratic, scaling all lengths of the rule by s → 0 gives the same multipliers and
r/s to leading order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import sympy as sp

from sam_theory.arithmetic import Coordinates, NotExact, Series, Symbolic, Undecided
from sam_theory.dynamics import Map
from sam_theory.errors import InputError
from sam_theory.lab._formulas import simpler
from sam_theory.losses import Expression
from sam_theory.rules import Rule

__all__ = ["CycleLaw", "OTHER", "curvature", "cycle_laws", "eigenvalues", "moderate", "needed", "rest_law", "shorter"]

#: The curvature of another direction than the one along which a 2-cycle lies.
OTHER = sp.Symbol("lam_j", real=True)

#: Operations that see more of a vector than lengths and inner products: their result turns with the coordinates.
_BY_COORDINATES = {"each", "largest", "block", "concat", "component", "stack", "matmul"}
_MOST_KINKS = 3
#: Operations of formulas that are simplified and factored; SymPy takes minutes for longer ones.
_MODERATE = 80


def curvature(sign: int, name: str = "lam") -> sp.Symbol:
    """λ of the direction in question, of the given sign; 0: of any."""
    return sp.Symbol(name, **{1: {"positive": True}, -1: {"negative": True}, 0: {"real": True}}[sign])


@dataclass(frozen=True)
class CycleLaw:
    """A 2-cycle ±(r, …) across a stationary point: r, one step's derivative along it and across, what makes it exist.

    ``own`` and ``other`` have a row for each state vector; ``other`` depends on the other direction's curvature
    :data:`OTHER` and is None in one dimension.  ``positive``: what must be positive.
    """

    radius: sp.Expr
    own: sp.Matrix
    other: sp.Matrix | None
    positive: tuple[sp.Expr, ...]


def _check(rule: Rule) -> None:
    if rule.noise or rule.uses_step_number or rule.velocity or rule.samples is not None:
        raise InputError(
            f"multipliers are those of one fixed map; {rule.name} has noise, samples, a schedule or is a flow"
        )
    if {node.op for _, node in rule.program} & _BY_COORDINATES:
        raise InputError(
            f"{rule.name} acts on coordinates, not on lengths and inner products alone: its multipliers depend on how "
            "the Hessian lies to the axes; find the orbit with find_orbits, which has its multipliers in numbers"
        )


def _model(dimension: int, centred: bool) -> tuple[Expression, list[sp.Symbol]]:
    """The quadratic of one or two curvatures, about a point that is 0 if ``centred``."""
    n = min(dimension, 2)
    centre = [sp.S.Zero if centred else sp.Symbol(f"C_{i}", real=True) for i in range(n)]
    places = [sp.Symbol(f"x_{i}", real=True) for i in range(n)]
    lams = [sp.Symbol("lam", real=True), OTHER]
    total = sum((lams[i] * (places[i] - centre[i]) ** 2 / 2 for i in range(n)), sp.S.Zero)
    return Expression(total, [str(p) for p in places], name="quadratic"), centre


def _named(map: Map, known: Mapping[str, sp.Expr]) -> dict[str, sp.Expr]:
    return {n: known.get(n, sp.Symbol(n, positive=True)) for n in map.parameters}


def _known(sign: int, centre: Sequence[sp.Expr], other: sp.Symbol) -> dict[str, sp.Expr]:
    return {"lam": curvature(sign), OTHER.name: other, **{c.name: c for c in centre if isinstance(c, sp.Symbol)}}


_AT_REST: dict[tuple[str, int, int, bool], sp.Matrix | None] = {}
_CYCLES: dict[tuple[str, int, int, bool], tuple[CycleLaw, ...]] = {}


def rest_law(rule: Rule, dimension: int, sign: int, centred: bool) -> sp.Matrix | None:
    """M(λ), a row for each state vector; None where the step jumps at stationary points.

    ``dimension`` is that of the loss, ``sign`` that of λ, ``centred`` whether the stationary point is the origin.

    Raises InputError for a rule that is not covered, does not rest at a minimum, or has no derivative there.
    """
    key = (rule.definition, min(dimension, 2), sign, centred)
    if key not in _AT_REST:
        _AT_REST[key] = _derived_rest(rule, dimension, sign, centred)
    return _AT_REST[key]


def _derived_rest(rule: Rule, dimension: int, sign: int, centred: bool) -> sp.Matrix | None:
    _check(rule)
    loss, centre = _model(dimension, centred)
    map, n = Map(rule, loss), len(centre)
    series = Series(sp.Symbol("t", positive=True), 3, _sign)
    other = sp.Symbol(OTHER.name, positive=True)
    env = {p: series.constant(e) for p, e in _named(map, _known(sign, centre, other)).items()}
    directions = [[sp.Symbol(f"u_{j}_{i}", positive=True) for i in range(n)] for j in range(len(rule.state))]
    bases = [centre, *([sp.S.Zero] * n for _ in rule.state[1:])]
    state = {
        v: Coordinates([series.constant(c) + series.constant(series.small) * u for c, u in zip(base, us, strict=True)])
        for v, base, us in zip(rule.state, bases, directions, strict=True)
    }
    try:
        image = map.step(series, state, env)
        moved = [
            [e - c for e, c in zip(image[v], base, strict=True)] for v, base in zip(rule.state, bases, strict=True)
        ]
        jumps = [sp.simplify(e.coefficient(p)) for row in moved for e in row for p in range(min(e.order, 0), 1)]
        slopes = [[sp.expand(sp.cancel(e.coefficient(1))) for e in row] for row in moved]
    except (Undecided, NotExact):
        return None
    origin = {c for c in centre if c.free_symbols}
    if any(e.free_symbols & origin for e in (*jumps, *(s for row in slopes for s in row))):
        raise InputError(f"{rule.name} depends on where the origin is: minima elsewhere are no fixed points of it")
    if any(e != 0 for e in jumps):
        return None
    block = sp.Matrix([[sp.diff(row[0], us[0]) for us in directions] for row in slopes])
    linear = all(
        sp.simplify(row[i] - sum(_of(block, i, other)[j, k] * us[i] for k, us in enumerate(directions))) == 0
        for j, row in enumerate(slopes)
        for i in range(n)
    )
    if not linear or any(e.free_symbols & {u for us in directions for u in us} for e in block):
        raise InputError(
            f"{rule.name} rests at a minimum but has no derivative there: how far a state moves depends on its "
            "direction in a way that no matrix describes"
        )
    return block.applyfunc(sp.factor)


def _of(block: sp.Matrix, i: int, other: sp.Symbol) -> sp.Matrix:
    return block if i == 0 else block.subs({s: other for s in block.free_symbols if s.name == "lam"})


def cycle_laws(rule: Rule, dimension: int, sign: int, centred: bool) -> tuple[CycleLaw, ...]:
    """The symmetric 2-cycles along a direction of curvature λ on the quadratic; arguments of :func:`rest_law`.

    Raises InputError for a rule that is not covered, knows where the origin is, or has no such cycle in closed form.
    """
    key = (rule.definition, min(dimension, 2), sign, centred)
    if key not in _CYCLES:
        _CYCLES[key] = _derived_cycles(rule, dimension, sign, centred)
    return _CYCLES[key]


def _derived_cycles(rule: Rule, dimension: int, sign: int, centred: bool) -> tuple[CycleLaw, ...]:
    _check(rule)
    loss, centre = _model(dimension, centred)
    map, n = Map(rule, loss), len(centre)
    r, y = sp.Symbol("r", positive=True), sp.Symbol("y", real=True)
    own = [r, *(sp.Symbol(f"{v}_1", real=True) for v in rule.state[1:])]
    across = [y, *(sp.Symbol(f"{v}_2", real=True) for v in rule.state[1:])]
    env = _named(map, _known(sign, centre, OTHER))

    def image(shift: Sequence[sp.Expr]) -> list[list[sp.Expr]]:
        state = {
            v: Coordinates([e + (shift[i] if j == 0 else 0) for i, e in enumerate((own[j], across[j])[:n])])
            for j, v in enumerate(rule.state)
        }
        found = map.step(Symbolic(), state, {**env, **{f"C_{i}": c for i, c in enumerate(shift)}})
        return [
            [sp.expand(_plain(e - (shift[i] if j == 0 else 0))) for i, e in enumerate(found[v])]
            for j, v in enumerate(rule.state)
        ]

    step = image(centre)
    if not centred and any(
        sp.simplify(a - b) != 0
        for p, q in zip(step, image([sp.S.Zero] * n), strict=True)
        for a, b in zip(p, q, strict=True)
    ):
        raise InputError(f"{rule.name} depends on where the origin is: on minima elsewhere it is not covered")
    flat = {s: sp.S.Zero for s in across}
    along = [row[0].subs(flat) for row in step]
    jacobian = sp.Matrix([[sp.diff(row[0], s).subs(flat) for s in own] for row in step])
    other = sp.Matrix([[sp.diff(row[1], s).subs(flat) for s in across] for row in step]) if n == 2 else None
    found = []
    for swap, positive in _branches([*along, *jacobian, *(other or ())]):
        for solution in _solutions([_swapped(e, swap) + s for e, s in zip(along, own, strict=True)], own):
            needs = needed([_put(e, solution) for e in (r, *positive)])
            if needs is None or solution[r] == 0:
                continue
            back = {sp.Abs(s * e): e for e in needs for s in (1, -1)}
            needs, swaps = tuple(e.xreplace(back) for e in needs), dict(swap)

            def there(e: sp.Expr, swaps: Any = swaps, solution: Any = solution, back: Any = back) -> sp.Expr:
                return sp.factor(_put(_swapped(e, swaps), solution).xreplace(back))

            across_it = None if other is None else other.applyfunc(there)
            found.append(CycleLaw(there(r), jacobian.applyfunc(there), across_it, needs))
    if not found:
        raise InputError(
            f"{rule.name} jumps at stationary points and no 2-cycle across them is found in closed form; "
            "find orbits in numbers with find_orbits"
        )
    return tuple(found)


def _branches(formulas: Sequence[sp.Expr]) -> list[tuple[dict[Any, Any], list[sp.Expr]]]:
    """The choices of sign of what stands under signs, absolute values and maxima; what makes each choice right."""
    kinks: dict[sp.Expr, tuple[dict[Any, Any], dict[Any, Any]]] = {}
    for atom in sorted({a for e in formulas for a in e.atoms(sp.Abs, sp.sign)}, key=sp.default_sort_key):
        a = atom.args[0]
        kinks.setdefault(a, ({sp.Abs(a): a, sp.sign(a): sp.S.One}, {sp.Abs(a): -a, sp.sign(a): sp.S.NegativeOne}))
    if len(kinks) > _MOST_KINKS or any(e.has(sp.Piecewise) for e in formulas):
        raise InputError("the step beside stationary points has too many branches; find orbits with find_orbits")
    found = []
    for signs in product((1, -1), repeat=len(kinks)):
        swap: dict[Any, Any] = {}
        for (plus, minus), s in zip(kinks.values(), signs, strict=True):
            swap |= plus if s > 0 else minus
        found.append((swap, [s * a for a, s in zip(kinks, signs, strict=True)]))
    return found


def _plain(e: sp.Expr) -> sp.Expr:
    """Maxima and minima of two by absolute values."""
    e = e.replace(sp.Max, lambda *a: sp.Max(*a) if len(a) != 2 else (a[0] + a[1] + sp.Abs(a[0] - a[1])) / 2)
    return e.replace(sp.Min, lambda *a: sp.Min(*a) if len(a) != 2 else (a[0] + a[1] - sp.Abs(a[0] - a[1])) / 2)


def _swapped(e: sp.Expr, swap: Mapping[Any, Any]) -> sp.Expr:
    return e.xreplace(dict(swap))


def _put(e: sp.Expr, solution: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
    e = sp.simplify(e.subs(solution, simultaneous=True).doit())
    half = {p: sp.sqrt(a) if p.exp > 0 else 1 / sp.sqrt(a) for p, a in _radicands(e)}
    return e.xreplace(half)


def _radicands(e: sp.Expr) -> list[tuple[sp.Expr, sp.Expr]]:
    """Square roots in ``e`` with their radicands factored, so that roots of squares are seen."""
    return [(p, sp.factor(p.base)) for p in e.atoms(sp.Pow) if abs(p.exp) == sp.S.Half and not p.base.is_number]


def _solutions(equations: Sequence[sp.Expr], unknowns: Sequence[sp.Symbol]) -> list[dict[sp.Symbol, sp.Expr]]:
    """Solutions of polynomial equations, linear ones at once; unknowns lose what is assumed of their sign."""
    plain = {s: sp.Dummy(s.name, real=True) for s in unknowns}
    rows = [sp.numer(sp.together(e)).xreplace(plain) for e in equations]
    if not all(e.is_polynomial(*plain.values()) for e in rows):
        return []
    if max(sp.Poly(e, *plain.values()).total_degree() for e in rows) == 1:
        answers = sp.solve(rows, list(plain.values()), dict=True)
    elif len(unknowns) == 1 and sp.degree(rows[0], *plain.values()) <= 2:
        (x,) = plain.values()
        answers = [{x: e} for e in sp.roots(sp.Poly(rows[0], x))]
    else:
        return []
    return [{s: a[d] for s, d in plain.items()} for a in answers if all(d in a for d in plain.values())]


def _sign(e: sp.Expr) -> int | None:
    return 1 if e.is_positive else -1 if e.is_negative else None


def eigenvalues(block: sp.Matrix) -> list[sp.Expr]:
    """Of a matrix with a row for each state vector.

    Raises InputError where they have no closed form.
    """
    z = sp.Symbol("z")
    found: list[sp.Expr] = []
    for factor, times in sp.factor_list(sp.numer(sp.together((z * sp.eye(block.rows) - block).det())), z)[1]:
        p = sp.Poly(factor, z)
        if p.degree() > 2:
            raise InputError(f"the multipliers of a state of {block.rows} vectors have no closed form")
        a, b, *rest = p.all_coeffs()
        middle = sp.factor(-b / a)
        if rest:
            spread = sp.sqrt(sp.factor(middle**2 - 4 * rest[0] / a))
            found += [sp.factor((middle + s * spread) / 2) for s in (1, -1)] * times
        else:
            found += [middle] * times
    return found


def moderate(e: sp.Expr) -> bool:
    """Whether SymPy simplifies a formula soon."""
    return bool(sp.count_ops(e) <= _MODERATE)


def shorter(e: sp.Expr) -> sp.Expr:
    """A short form of a formula that is not long."""
    return simpler(e) if moderate(e) else e


def needed(formulas: Sequence[sp.Expr]) -> tuple[sp.Expr, ...] | None:
    """What must be positive for all ``formulas`` to be, without what is anyway; None where one cannot be."""
    found: list[sp.Expr] = []
    for e in formulas:
        numerator, denominator = sp.fraction(sp.factor(sp.together(e)))
        rest = sp.S.One
        for factor in sp.Mul.make_args(sp.factor(numerator * denominator)):
            base, power = factor.as_base_exp()
            sign = _sign(
                factor.xreplace({p: sp.Dummy(positive=True) for p in factor.atoms(sp.Pow) if p.exp == sp.S.Half})
            )
            even = power.is_Integer and power % 2 == 0
            rest *= 1 if even and base != 0 else sign if sign is not None else base if power.is_Integer else factor
        if rest.is_nonpositive:
            return None
        rest = simpler(rest) if rest.is_number else rest
        if not rest.is_positive and not any(sp.expand(rest - f) == 0 for f in found):
            found.append(rest)
    return tuple(found)
