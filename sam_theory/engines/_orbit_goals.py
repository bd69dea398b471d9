"""Goals about points of a map in coordinates: fixed points, cycles, and maps of one variable."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from sam_theory.arithmetic import Coordinates, LossValue, Symbolic, VectorSymbol, kinks, lower, smooth_kinks
from sam_theory.arithmetic._factor import factored, normal
from sam_theory.arithmetic._symbolic import evaluated
from sam_theory.dynamics import Sides, sides_at
from sam_theory.engines._goal import Goal, equal, nonzero
from sam_theory.errors import InputError
from sam_theory.theorems import DistanceDecreases, Step, Theorem, t

#: Functions that are continuous on the whole line.
_CONTINUOUS = (sp.Abs, sp.Min, sp.Max, sp.exp, sp.sin, sp.cos, sp.atan, sp.sinh, sp.cosh, sp.tanh)


@dataclass(frozen=True)
class Inputs:
    """What a step needs besides state and parameters: the step number, any k ≥ 0, and one value of each noise."""

    values: dict[str, Any] = field(default_factory=dict)
    assumptions: tuple[Any, ...] = ()


def step_inputs(theorem: Theorem) -> list[Inputs]:
    """One entry for each combination of values that the noise may take."""
    rule = theorem.rule
    values: dict[str, Any] = {}
    assumptions: tuple[Any, ...] = ()
    if rule.uses_step_number:
        own = {s.name: s for s in theorem.symbols}
        values["k"] = own.get("k", sp.Symbol("k", real=True))
        assumptions = (sp.GreaterThan(values["k"], 0, evaluate=False),)
    laws = [[(n, sp.Rational(v.numerator, v.denominator)) for v, _ in law.atoms] for n, law in rule.noise.items()]
    return [Inputs(values | dict(choice), assumptions) for choice in itertools.product(*laws)]


def coordinate_environment(
    theorem: Theorem, at: Sequence[Any] | None = None, inputs: Inputs | None = None
) -> dict[str, Any]:
    """Values of every name a formula may use, in SymPy coordinates.

    ``at`` fixes the iterate, with further state vectors at 0; otherwise all are symbols.  ``w_star`` is there
    where the loss has one minimiser, or where the formulas speak of the loss at it alone.
    """
    system = theorem.map
    whole = system.state_symbols()
    first, *further = system.state
    if at is not None:
        whole = {first: Coordinates(map(sp.sympify, at)), **{n: Coordinates(sp.S.Zero for _ in at) for n in further}}
    state = whole[first]
    env: dict[str, Any] = {s.name: s for s in theorem.symbols}
    env |= {"w": state, "t": t, **(inputs or Inputs()).values}
    star = _minimiser(theorem)
    if star is not None:
        env["w_star"] = star
    elif any(VectorSymbol("w_star") in e.atoms(VectorSymbol) for e in theorem.expanded_claim.formulas()):
        raise InputError(
            f"theorem {theorem.slug}: no minimiser of {theorem.loss.name} is declared; give facts=Facts(minimisers=...)"
        )
    arithmetic = Symbolic()
    image = system.step(arithmetic, whole, env)
    env |= {n: whole[n] for n in further} | {f"{n}_next": image[n] for n in further}
    env["w_next"] = image[first]
    env["w_start"] = Coordinates(sp.Symbol(f"start{i}", real=True) for i in range(len(state)))
    for i, name in enumerate(system.loss.blocks):
        env[name] = arithmetic.block(state, i, len(system.loss.blocks))
        env[f"{name}_next"] = arithmetic.block(env["w_next"], i, len(system.loss.blocks))
    return env


def _minimiser(theorem: Theorem) -> Coordinates | None:
    known = theorem.loss.facts.minimisers
    if not known:
        return None
    own = set(theorem.symbols)
    free = {s for c in known[0] for s in sp.sympify(c).free_symbols} - own
    star = VectorSymbol("w_star")
    if (len(known) > 1 or free) and any(_outside_loss(e, star) for e in theorem.expanded_claim.formulas()):
        raise InputError(
            f"theorem {theorem.slug}: {theorem.loss.name} has many minimisers; "
            "w_star stands for any of them, and only inside L(w_star)"
        )
    return Coordinates(sp.sympify(c).subs({s: 1 for s in free}) for c in known[0])


def _outside_loss(e: sp.Basic, star: VectorSymbol) -> bool:
    return bool(e.xreplace({LossValue(star): sp.S.Zero}).atoms(VectorSymbol) & {star})


def _whole(theorem: Theorem, env: dict[str, Any], suffix: str) -> list[sp.Expr]:
    names = ("w", *theorem.map.state[1:])
    return [e for n in names for e in env[f"{n}{suffix}"]]


def sides(theorem: Theorem, point: Sequence[Any]) -> tuple[Sides, list[sp.Expr], list[Goal]]:
    """The branches of one step at ``point`` (further state vectors 0), the image, and what makes it smooth."""
    env = coordinate_environment(theorem)
    rows, columns = _whole(theorem, env, "_next"), _whole(theorem, env, "")
    whole = [*map(sp.sympify, point), *(sp.S.Zero for _ in range(len(columns) - len(point)))]
    found = sides_at(rows, columns, whole)
    image = _whole(theorem, coordinate_environment(theorem, point), "_next")
    base, where = theorem.all_hypotheses, f"at ({', '.join(map(str, point))})"
    goals = [Goal(f"{f} does not vanish {where}", base, nonzero(f)) for f in found.nonzero if f.free_symbols]
    for side in found.images if len(found.images) > 1 else ():
        goals += [Goal(f"the map is continuous {where}", base, equal(a, b)) for a, b in zip(side, image, strict=True)]
    for matrix in found.jacobians[1:]:
        pairs = zip(matrix, found.jacobians[0], strict=True)
        goals += [Goal(f"the map is differentiable {where}", base, equal(a, b)) for a, b in pairs]
    return found, image, goals


def _stated_sides(hypotheses: Sequence[Any]) -> dict[Any, Any]:
    """The signs and absolute values of what a hypothesis says to be positive: SymPy simplifies badly around them."""
    above = [h.lhs for h in hypotheses if isinstance(h, sp.StrictGreaterThan) and h.rhs == 0]
    return {sp.sign(e): sp.S.One for e in above} | {sp.Abs(e): e for e in above}


def stability_margin(matrix: sp.Matrix, direction: int | None, what: str) -> sp.Expr:
    """Positive where every multiplier has modulus below 1, negative where one has above.

    1 − m² for a single multiplier (of an eigendirection, of each coordinate of a triangular Jacobian, or of the sum and
    the difference of two coordinates that may be exchanged), and the Jury conditions 1 − det, 1 − tr + det,
    1 + tr + det for two other coupled coordinates; decoupled groups of coordinates one by one.
    """
    matrix = matrix.applyfunc(normal)
    size = matrix.rows
    if direction is not None:
        if any(matrix[j, direction] != 0 for j in range(size) if j != direction):
            raise InputError(f"{what}: e_{direction + 1} is no eigenvector of the Jacobian")
        return 1 - factored(matrix[direction, direction]) ** 2
    if matrix.is_upper or matrix.is_lower:
        return evaluated(sp.Min, *(1 - factored(matrix[i, i]) ** 2 for i in range(size)))
    if size > 2:
        blocks = _coupled(matrix)
        if len(blocks) == 1:
            raise InputError(f"{what}: the Jacobian couples {size} coordinates; choose a direction")
        return evaluated(sp.Min, *(stability_margin(matrix.extract(b, b), None, what) for b in blocks))
    (p, q), (q2, p2) = matrix.tolist()
    if normal(p - p2) == 0 and normal(q - q2) == 0:  # the eigenvectors are (1, 1) and (1, −1)
        return evaluated(sp.Min, *(1 - factored(m) ** 2 for m in (p + q, p - q)))
    trace, determinant = map(sp.factor, (matrix.trace(), matrix.det()))
    return evaluated(sp.Min, 1 - determinant, 1 - trace + determinant, 1 + trace + determinant)


def _coupled(matrix: sp.Matrix) -> list[list[int]]:
    """The coordinates in groups that do not act on each other: up to their order the matrix is block diagonal."""
    groups: list[list[int]] = []
    for i in range(matrix.rows):
        linked = [g for g in groups if any(matrix[i, j] != 0 or matrix[j, i] != 0 for j in g)]
        groups = [g for g in groups if g not in linked] + [sorted([i, *(j for g in linked for j in g)])]
    return groups


def threshold_goals(theorem: Theorem, step: Step) -> list[Goal]:
    """Fixed point, differentiability there, and stability on both sides of the threshold."""
    claim: Any = step.claim
    base, point = theorem.all_hypotheses, claim.behaviour.at
    if len(point) != theorem.loss.dimension:
        raise InputError(f"theorem {theorem.slug}: the point {tuple(point)} has not the dimension of the loss")
    found, image, goals = sides(theorem, point)
    whole = [*point, *(sp.S.Zero for _ in range(len(image) - len(point)))]
    goals += [
        Goal(f"fixed point, coordinate {i + 1}", base, equal(a, b))
        for i, (a, b) in enumerate(zip(image, whole, strict=True))
    ]
    matrix = found.jacobians[0].xreplace(_stated_sides(base))
    margin = stability_margin(matrix, claim.behaviour.direction, f"theorem {theorem.slug}")
    below, above = claim.quantity < claim.critical, claim.quantity > claim.critical
    at = sp.Eq(claim.quantity, claim.critical)
    return [
        *goals,
        Goal("stable below", (*base, below), margin > 0),
        Goal("unstable above", (*base, above), margin < 0),
        Goal("neutral at the threshold", (*base, at), equal(margin, sp.S.Zero)),
    ]


def cycle_goals(theorem: Theorem, step: Step) -> list[Goal]:
    """Each point is followed by the next, all differ, and the multipliers are the claimed ones."""
    claim: Any = step.claim
    if len(theorem.map.state) > 1:
        raise InputError(f"theorem {theorem.slug}: a Cycle needs a rule whose state is the iterate alone")
    base = theorem.all_hypotheses
    exists = base if claim.exists_iff is None else (*base, claim.exists_iff)
    points = claim.points
    size = len(points[0])
    if any(len(p) != theorem.loss.dimension for p in points):
        raise InputError(f"theorem {theorem.slug}: the points of the cycle have not the dimension of the loss")
    result: list[Goal] = []
    product = sp.eye(size)
    for k, point in enumerate(points):
        follower = points[(k + 1) % len(points)]
        smooth = bool(claim.multipliers) or claim.stable is not None
        if smooth:
            found, image, goals = sides(theorem, point)
            result += [Goal(g.name, (*exists, *g.assumptions), g.goal) for g in goals]
            product = found.jacobians[0] * product
        else:
            image = list(coordinate_environment(theorem, point)["w_next"])
        pairs = zip(image, follower, strict=True)
        result += [Goal(f"point {k + 1} is followed by the next", exists, equal(a, b)) for a, b in pairs]
    for i, p in enumerate(points):
        for j in range(i):
            distance = sum((a - b) ** 2 for a, b in zip(p, points[j], strict=True))
            result.append(Goal(f"points {j + 1} and {i + 1} differ", exists, distance > 0))
    for i, m in enumerate(claim.multipliers):
        along = sp.Matrix(claim.direction(i))
        pairs = zip(product * along, m * along, strict=True)
        ends = [("" if b != 0 else ": eigendirection", equal(a, b)) for a, b in pairs]
        result += [Goal(f"multiplier {i + 1}{end}", exists, e) for end, e in ends]
    if claim.stable is not None:
        if len(claim.multipliers) == size:  # proved above to be all eigenvalues
            margin = evaluated(sp.Min, *(1 - m**2 for m in claim.multipliers))
        else:
            margin = stability_margin(product, None, f"theorem {theorem.slug}")
        result.append(Goal("stability", exists, margin > 0 if claim.stable else margin < 0))
    if claim.exists_iff is not None:
        if len(points) != 2:
            raise InputError(f"theorem {theorem.slug}: exists_iff is understood for cycles of two points")
        result.append(_no_two_cycle(theorem, (*base, sp.Not(claim.exists_iff))))
    return result


def _no_two_cycle(theorem: Theorem, assumptions: tuple[Any, ...]) -> Goal:
    """Where the cycle is said not to exist, no point returns after two steps without being fixed."""
    first = coordinate_environment(theorem)
    u, v = list(first["w"]), list(first["w_next"])
    names = [sp.Symbol(f"image{i}", real=True) for i in range(len(v))]
    back = coordinate_environment(theorem, names)["w_next"]
    closing = [equal(n, e) for n, e in zip(names, v, strict=True)] + [equal(a, b) for a, b in zip(u, back, strict=True)]
    moved = sum((a - n) ** 2 for a, n in zip(u, names, strict=True))
    return Goal("no cycle otherwise", (*assumptions, *closing), equal(moved, sp.S.Zero))


def scalar_map_goals(theorem: Theorem, lemma: DistanceDecreases) -> list[Goal]:
    """A map of one variable that is odd and continuous off 0, and an observable continuous at the target."""
    if theorem.loss.dimension != 1 or len(theorem.map.state) > 1:
        raise InputError(f"theorem {theorem.slug}: the lemma '{lemma.name}' needs a map of one variable")
    here = coordinate_environment(theorem)
    u, step = here["w"][0], here["w_next"][0]
    mirrored = coordinate_environment(theorem, [-u])["w_next"][0]
    base = theorem.all_hypotheses
    positive = (*base, u > 0)
    result = [Goal("the map is odd off 0", positive, equal(mirrored, -step))]
    if lemma.quantifier() is None:  # orbits that hit 0 count, and have to stay there
        rest = coordinate_environment(theorem, [sp.S.Zero])["w_next"][0]
        result.append(Goal("0 is fixed", base, equal(rest, sp.S.Zero)))
    result += continuity(theorem, step, positive, "the map is continuous off 0")
    observable: Any = theorem.expanded_claim
    value = Symbolic().run(lower(observable.observable), here, theorem.loss)["result"]
    for r in (lemma.target, -lemma.target):
        # Continuous at the one point where the limit is taken: no sign and no denominator vanishes there.
        fixed = (*base, equal(u, r))
        result += continuity(theorem, value, fixed, "the observable is continuous at the target")
    return result


def continuity(theorem: Theorem, e: sp.Expr, assumptions: tuple[Any, ...], name: str) -> list[Goal]:
    """What makes ``e`` continuous where the assumptions hold: no sign and no denominator vanishes."""
    e = smooth_kinks(e)
    unknown = [f for f in e.atoms(sp.Function) if not _continuous(f)]
    if unknown:
        raise InputError(f"theorem {theorem.slug}: {unknown[0]} is not known to be continuous")
    signs = kinks([sp.Add(*e.atoms(sp.sign))]) if e.has(sp.sign) else []
    below = sorted({p.base for p in e.atoms(sp.Pow) if p.exp.could_extract_minus_sign()}, key=sp.default_sort_key)
    return [Goal(name, assumptions, nonzero(f)) for f in (*signs, *below) if f.free_symbols]


def _continuous(f: Any) -> bool:
    name = type(f).__name__
    return isinstance(f, (*_CONTINUOUS, sp.sign)) or name in ("log_cosh", "sqrt1p", "sqrt1p_slope")
