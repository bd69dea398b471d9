"""The potential of SAM on quadratics, J(w) = ½⟨w,(2−ηΛ)w⟩ − ηρ‖Λw‖, and what follows from its descent."""

from __future__ import annotations

import sympy as sp
from sympy import Rational

from sam_theory.arithmetic import Vec, dot, grad, norm, value
from sam_theory.losses import SpectralQuadratic
from sam_theory.theorems._claims import Identity, Inequality
from sam_theory.theorems._proof import MOVING, Lemma, Step
from sam_theory.theorems._saddles import StrictSaddles
from sam_theory.theorems._symbols import eta, rho, w, w_next


def potential(v: Vec) -> sp.Expr:
    """J(v) = ½⟨v,(2−ηΛ)v⟩ − ηρ‖Λv‖."""
    return dot(v, v) - eta * value(v) - eta * rho * norm(grad(v))


potential_identity = Identity(
    potential(w_next),
    potential(w)
    - eta * value(w + w_next)
    - eta * rho * (norm(grad(w_next)) + dot(grad(w), grad(w_next)) / norm(grad(w))),
    given=MOVING,
)
potential_descent = Inequality(potential(w_next), potential(w) - eta * value(w + w_next))


def descent_steps(within: SpectralQuadratic | None = None) -> tuple[Step, ...]:
    """The descent of J: an identity and Cauchy–Schwarz."""
    angle = norm(grad(w_next)) + dot(grad(w), grad(w_next)) / norm(grad(w))
    return (
        Step("identity", potential_identity, within=within),
        Step(
            "angle of the gradients",
            Inequality(sp.S.Zero, angle, given=MOVING),
            ("Cauchy-Schwarz: w, w_next",),
            within,
        ),
        Step("descent", potential_descent, ("identity", "angle of the gradients"), within),
    )


def radius_of(eigenvalue: sp.Expr) -> sp.Expr:
    """r = ηλρ/(2−ηλ): the critical points of J in an eigenspace have this norm."""
    return eta * eigenvalue * rho / (2 - eta * eigenvalue)


def ends_on_the_top_cycle(top: sp.Symbol, other: sp.Symbol) -> tuple[Step | Lemma, ...]:
    """On the quadratic with two eigenvalues, other < top, almost every q_t = (−1)ᵗw_t tends to ±r₁e₁."""
    spectrum, s = SpectralQuadratic(other, top), eta * top
    zero, r, r_other = sp.S.Zero, radius_of(top), radius_of(other)
    ends = StrictSaddles(
        potential=potential(w),
        decrease=eta * other / 2,
        coercivity=((2 - s) * Rational(1, 4), s**2 * rho**2 / (2 - s)),
        peak=(sp.S.One, eta * rho * other),
        attractors=((r, zero), (-r, zero)),
        saddles=(((zero, r_other), 0), ((zero, -r_other), 0)),
        probes=((rho, zero), (zero, rho)),
        sign=-1,
        within=spectrum,
        using=("descent", "curvature", "spectral bounds: w"),
        bounded_by=("spectral bounds: w",),
    )
    curvature = Inequality(eta * other / 2 * norm(w + w_next) ** 2, eta * value(w + w_next))
    return (*descent_steps(spectrum), Step("curvature", curvature, ("spectral bounds",), spectrum), ends)
