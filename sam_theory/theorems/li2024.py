"""After Li, Zhang & He, "Implicit Regularization of SAM for Scale-Invariant Problems" (NeurIPS 2024).

Continuous time is stated through the velocity of the flow: ``x_next`` and ``y_next`` are dx/dt and dy/dt, and
dB/dt = ⟨x, dx/dt⟩ − ⟨y, dy/dt⟩ for B = ½(|x|²−|y|²).
"""

from __future__ import annotations

import sympy as sp
from sympy import Abs, Rational, sign, sqrt

from sam_theory.arithmetic import CURVATURE, STEP_SIZE, Traced, dot, grad, norm
from sam_theory.losses import Link, MatrixProduct, Product, any_link, shifted_square
from sam_theory.rules import Space, gd, gd_flow, rule, sam, sam_flow
from sam_theory.theorems._blocks import MatrixStep, ascent
from sam_theory.theorems._claims import Identity, Inequality
from sam_theory.theorems._relations import Related
from sam_theory.theorems._sources import LI, NEW
from sam_theory.theorems._symbols import eta, rho, w, x, x_next, y, y_next
from sam_theory.theorems._theorem import Instance, Mutant, Theorem, declared

B, q, n = sp.symbols("B q n", real=True)
moving = (norm(grad(w)) > 0,)
of_sam = rho / norm(grad(w))

# --- f(xyᵀ) ---------------------------------------------------------------------------------------------------
step = MatrixStep.of(2, 2)
balance_rate = (step.x.T * step.x_next - step.y.T * step.y_next)[0]
g_x, g_y = step.g * step.y, step.g.T * step.x
change = step.q - step.g
leading = ascent * (g_x.T * g_x - g_y.T * g_y)[0]
remainder = ascent * (g_x.T * change * step.y - step.x.T * change * g_y)[0]

NOP_CONSERVED = Theorem(
    slug="li-balancedness-nop.gradient-flow",
    title="Gradient flow on f(xyᵀ) conserves B = ½(|x|²−|y|²)",
    source=LI,
    rule=gd_flow,
    loss=step.loss,
    claim=Identity(balance_rate, sp.S.Zero),
    tightness="exact",
    mutants=(Mutant("|x|²+|y|²", Identity((step.x.T * step.x_next + step.y.T * step.y_next)[0], sp.S.Zero)),),
)
NOP_FLOW = Theorem(
    slug="li-balancedness-nop.flow",
    title="SAM flow on f(xyᵀ): dB/dt = a(|g_x|²−|g_y|²) + a(g_xᵀ(G̃−G)y − xᵀ(G̃−G)g_y), a = ρ/|∇L|",
    source=LI,
    rule=sam_flow,
    loss=step.loss,
    where=step.where(of_sam),
    claim=Identity(balance_rate, leading + remainder, moving),
    tightness="exact",
    notes="the source's remainder A = O(ρ²L), in closed form; if ∇f is L-Lipschitz, G̃−G = O(aL)",
)
gx, gy = sp.symbols("g_x g_y", nonnegative=True)
size = Abs(gx**2 - gy**2) / sqrt(gx**2 + gy**2)
NOP_LOWER = Theorem(
    slug="li-balancedness-nop.lower",
    title="The leading term of |dB/dt| is at least ρ| |g_x|−|g_y| |",
    source=LI,
    rule=sam_flow,
    loss=step.loss,
    hypotheses=(gx + gy > 0,),
    where={B: rho * Abs(gx - gy)},
    claim=Inequality(B, rho * size),
    tightness="tight",
    notes="attained where one of the two gradients vanishes",
)
NOP_UPPER = NOP_LOWER.with_(
    slug="li-balancedness-nop.upper",
    title="The leading term of |dB/dt| is at most ρ√| |g_x|²−|g_y|² |",
    where={B: rho * sqrt(Abs(gx**2 - gy**2))},
    claim=Inequality(rho * size, B),
)
square = Link("square", "z**2/2", even=True)
squares = MatrixProduct(square, 2, 2)
residual = step.x * step.y.T
tau = (step.x.T * step.g * step.y)[0]
xx, yy = (step.x.T * step.x)[0], (step.y.T * step.y)[0]
gx2, gy2 = (g_x.T * g_x)[0], (g_y.T * g_y)[0]
NOP_SQUARES = Theorem(
    slug="sam-balance-least-squares",
    title="f = ½|XYᵀ|²: dB/dt = a(|g_x|²−|g_y|²)(1+a²τ) + a²(|g_x|²|y|²−|x|²|g_y|²), τ = xᵀGy",
    source=NEW,
    rule=sam_flow,
    loss=squares,
    where={**dict(zip(step.g, residual, strict=True)), ascent: of_sam},
    claim=Identity(
        balance_rate, (gx2 - gy2) * ascent * (1 + ascent**2 * tau) + ascent**2 * (gx2 * yy - xx * gy2), moving
    ),
    tightness="exact",
    notes="the remainder of the source is of second order in ρ and no smaller; a target C changes G to xyᵀ−C alone",
)

# --- f(x·y) ---------------------------------------------------------------------------------------------------
slope = any_link.function(1)
z = dot(x, y)
radius = sqrt(dot(x, x) + dot(y, y))
a_op = rho * sign(slope(z)) / radius
at_ascent = slope(dot(x + a_op * y, y + a_op * x))
off_origin = (dot(x, x) + dot(y, y) > 0,)

OP_FLOW = Theorem(
    slug="li-balancedness-op.flow",
    title="SAM flow on f(x·y): dB/dt = −2ρ sgn(f'(x·y)) f'(z̃) B/√(|x|²+|y|²), exactly, in every dimension",
    source=LI,
    rule=sam_flow,
    loss=Product(any_link, None),
    where={q: at_ascent, B: (dot(x, x) - dot(y, y)) / 2, n: radius},
    claim=Identity(dot(x, x_next) - dot(y, y_next), -2 * rho * sign(slope(z)) * q * B / n, off_origin),
    tightness="exact",
)
pair = Product(any_link, 1)


def _ascends(times: int) -> Inequality:
    """sgn(f')(z̃−z) > 0 where ``times`` (|x|²+|y|²) > ρ²."""
    return Inequality(
        sp.S.Zero,
        sign(slope(z)) * (dot(x + a_op * y, y + a_op * x) - z),
        strict=True,
        given=(times * (dot(x, x) + dot(y, y)) > rho**2, sp.Ne(slope(z), 0)),
    )


OP_SIGN = OP_FLOW.with_(
    slug="li-balancedness-op.sign",
    title="The ascent point moves f' up, sgn(f')(z̃−z) > 0, if √(|x|²+|y|²) > ρ/2: for convex f |B| decreases",
    loss=pair,
    where={},
    claim=_ascends(4),
    mutants=(Mutant("rho/4", _ascends(16)),),
    tightness="",
    hypotheses=(rho > 0,),
    notes="f convex: sgn(f'(z))f'(z̃) ≥ |f'(z)|; the bound on √(|x|²+|y|²) is sharp at x = −y",
)
plus_one = Link("plus_one", "(z+1)**2/2")
OP_SIGN_FALSE = Theorem(
    slug="li-balancedness-op.every-rho",
    relations=(Related("corrected by", "li-balancedness-op.sign", "√(|x|²+|y|²) > ρ/2 and convexity are needed"),),
    title="For convex f the flow of SAM never increases |B|, whatever ρ",
    source=NEW,
    rule=sam_flow,
    loss=Product(plus_one, 1),
    claim=Inequality((dot(x, x) - dot(y, y)) * (dot(x, x_next) - dot(y, y_next)), sp.S.Zero),
    candidate=Instance({"rho": 2}, (Rational(3, 50), Rational(-4, 50))),
    status="quoted",
    expected="refuted",
    notes="false where √(|x|²+|y|²) < ρ/2: the ascent step of length ρ crosses the minimum of f",
)
rate_op = Abs(dot(x, x) - dot(y, y)) / radius
OP_LOWER = OP_FLOW.with_(
    slug="li-balancedness-op.lower",
    title="The leading term of |dB/dt| is at least ρ|f'|·| |x|−|y| |",
    where={B: rho * Abs(slope(z)) * Abs(norm(x) - norm(y))},
    claim=Inequality(B, rho * Abs(slope(z)) * rate_op, given=off_origin),
    tightness="tight",
)
OP_UPPER = OP_LOWER.with_(
    slug="li-balancedness-op.upper",
    title="The leading term of |dB/dt| is at most ρ|f'|√(2|B|)",
    where={B: rho * Abs(slope(z)) * sqrt(Abs(dot(x, x) - dot(y, y)))},
    claim=Inequality(rho * Abs(slope(z)) * rate_op, B, given=off_origin),
)
FLATTEST = OP_FLOW.with_(
    slug="li-balancedness-op.flattest",
    title="|x|²+|y|² = 2|x·y| + |x−sgn(x·y)y|²: at given x·y the flattest points are x = sgn(x·y)y",
    rule=gd,
    where={},
    claim=Identity(
        dot(x, x) + dot(y, y),
        2 * Abs(z) + dot(x - sign(z) * y, x - sign(z) * y),
        given=(sp.Ne(z, 0),),
    ),
    notes="the top eigenvalue of the Hessian at a minimum of f is f''(x·y)(|x|²+|y|²)",
)
FLATTEST_1D = FLATTEST.with_(
    slug="li-balancedness-op.flattest-1d",
    title="In one dimension x²+y² = 2|xy| + (|x|−|y|)²: there, and only there, balanced means flattest",
    loss=pair,
    claim=Identity(dot(x, x) + dot(y, y), 2 * Abs(z) + (norm(x) - norm(y)) ** 2),
)
FALSE_FLATTEST = Theorem(
    slug="balanced-iff-flattest-every-d",
    relations=(
        Related(
            "corrected by",
            "li-balancedness-op.flattest",
            "|x| = |y| is necessary, and sufficient in one dimension only",
        ),
    ),
    title="In every dimension balanced points, |x| = |y|, are the flattest with their x·y",
    source=NEW,
    rule=gd,
    loss=Product(shifted_square, 2),
    claim=Inequality(dot(x, x) + dot(y, y), 2 * Abs(z), given=(sp.Eq(dot(x, x), dot(y, y)),)),
    candidate=Instance(
        {"eta": 1}, (Rational(5, 2), Rational(3, 2), Rational(5, 2), Rational(-3, 2)), Product(shifted_square, 2)
    ),
    status="quoted",
    expected="refuted",
)

# --- discrete time ----------------------------------------------------------------------------------------------
pull = a_op * at_ascent
MONOTONE = Theorem(
    slug="sam-balance-monotone",
    title="SAM on f(x·y): | |y|²−|x|² | does not increase where 0 ≤ ηaq ≤ 2 and η|q| ≤ 1",
    source=NEW,
    rule=sam,
    loss=Product(any_link, None),
    where={B: dot(y, y) - dot(x, x)},
    claim=Inequality(
        (dot(y_next, y_next) - dot(x_next, x_next)) ** 2,
        B**2,
        given=(*off_origin, pull >= 0, eta * pull <= 2, eta * Abs(at_ascent) <= 1),
    ),
    tightness="",
    notes="a discrete form of the source's theorem; 0 ≤ aq for convex f where √(|x|²+|y|²) > ρ/2",
    mutants=(
        Mutant(
            "η|q| ≤ 3",
            Inequality(
                (dot(y_next, y_next) - dot(x_next, x_next)) ** 2,
                B**2,
                given=(*off_origin, pull >= 0, eta * pull <= 2, eta * Abs(at_ascent) <= 3),
            ),
        ),
    ),
)

# --- BAR ---------------------------------------------------------------------------------------------------------
decay = sp.Symbol("decay", real=True)
of_decay = {"eta": STEP_SIZE, "decay": CURVATURE}


@rule(dimensions=of_decay)
def bar(space: Space, w: Traced, *, eta: Traced, decay: Traced) -> Traced:
    """The decay of BAR on (x, y), alone: x⁺ = (1−η decay) x, y⁺ = (1+η decay) y."""
    return space.concat((1 - eta * decay) * space.block(w, 0, 2), (1 + eta * decay) * space.block(w, 1, 2))


@rule(dimensions=of_decay)
def bar_gd(space: Space, w: Traced, *, eta: Traced, decay: Traced) -> Traced:
    """Gradient descent with the decay of BAR: x⁺ = (1−η decay) x − η∇_x L, y⁺ = (1+η decay) y − η∇_y L."""
    pulled = space.concat((1 - eta * decay) * space.block(w, 0, 2), (1 + eta * decay) * space.block(w, 1, 2))
    return pulled - eta * space.grad(w)


balance, balance_next = (dot(x, x) - dot(y, y)) / 2, (dot(x_next, x_next) - dot(y_next, y_next)) / 2
total = dot(x, x) + dot(y, y)

BAR = Theorem(
    slug="li-bar.decay",
    relations=(Related("compares", "li-balancedness-op.flow", "|dB/dt| of SAM is smaller by 2|B|/(|x|²+|y|²)"),),
    title="The decay of BAR, x⁺ = (1−αη)x, y⁺ = (1+αη)y: B⁺ = (1+α²η²)B − αη(|x|²+|y|²), for either sign of α",
    source=LI,
    rule=bar,
    loss=Product(any_link, None),
    claim=Identity(balance_next, (1 + eta**2 * decay**2) * balance - eta * decay * total),
    tightness="exact",
    notes="α has the sign of B; the term in α² is what a step of positive length adds to the flow",
)
BAR_GD = BAR.with_(
    slug="li-bar.gd-step",
    title="With a gradient step, q = f'(x·y): B⁺ = (1+α²η²−η²q²)B − αη(|x|²+|y|²) + 2αη²q x·y",
    source=NEW,
    rule=bar_gd,
    where={q: slope(z)},
    claim=Identity(
        balance_next,
        (1 + eta**2 * decay**2 - eta**2 * q**2) * balance - eta * decay * total + 2 * eta**2 * decay * q * z,
    ),
    notes="decoupled decay, as for weights: the gradient is taken before it; α = 0 is gradient descent",
)
BAR_CONTRACTS = BAR.with_(
    slug="li-bar.contraction",
    title="For α ≥ 0 the decay of BAR leaves B⁺ ≤ (1−αη)²B",
    source=NEW,
    hypotheses=(decay >= 0,),
    where={B: (1 - eta * decay) ** 2 * balance},
    claim=Inequality(balance_next, B),
    tightness="tight",
    attained_by=Instance({"eta": Rational(1, 2), "decay": 1}, (1, 0), Product(shifted_square, 1)),
    notes="|x|²+|y|² ≥ 2|B|, with equality where one factor vanishes; for α ≤ 0 the same of −B",
)


def _no_overshoot(most: int) -> Inequality:
    """|B⁺| ≤ |B| where η·decay (|x|²+|y|²) ≤ (most + η²·decay²) B."""
    room = eta * decay * total <= (most + eta**2 * decay**2) * balance
    return Inequality(balance_next**2, balance**2, given=(room, eta * decay <= 2))


BAR_MONOTONE = BAR_CONTRACTS.with_(
    slug="li-bar.monotone",
    title="and |B⁺| ≤ |B| where αη(|x|²+|y|²) ≤ (2+α²η²)B, αη ≤ 2: nearer to balance one step overshoots",
    where={},
    claim=_no_overshoot(2),
    tightness="",
    attained_by=None,
    mutants=(Mutant("3 + α²η²", _no_overshoot(3)),),
    notes="the condition is necessary where B > 0: it is B⁺ ≥ −B",
)
BAR_FALSE = Theorem(
    slug="li-bar.never-increases",
    relations=(Related("corrected by", "li-bar.monotone", "one step overshoots near |x| = |y|"),),
    title="The decay of BAR never increases |B| for 0 ≤ αη ≤ 1",
    source=NEW,
    rule=bar,
    loss=Product(shifted_square, 1),
    hypotheses=(decay >= 0, eta * decay <= 1),
    claim=Inequality(balance_next**2, balance**2, given=(balance >= 0,)),
    candidate=Instance({"eta": 1, "decay": Rational(1, 2)}, (1, 1)),
    status="quoted",
    expected="refuted",
    notes="true of the flow; in discrete time αη must shrink with |B|/(|x|²+|y|²)",
)

THEOREMS = declared(globals())
