"""Variants of gradient descent, SAM and USAM: other ascent steps, momentum, weight decay, schedules, clipping.

A velocity or an average is a further state vector.  ``momentum`` and ``decay`` are numbers, ``weight_decay`` is a
curvature; a schedule is a power law in the step number k = 0, 1, 2, …
"""

from __future__ import annotations

from sam_theory.arithmetic import CURVATURE, GRADIENT, LENGTH, NUMBER, STEP_SIZE, Traced
from sam_theory.rules._rule import Convention, Rule, Space, rule

_NORMALISED = Convention(normalised=True)
_PLAIN = Convention(normalised=False)
_MOVES_ON = Convention(normalised=True, zero_gradient="the unit vector of 0 is 0: the state may still move")
_PLAIN_MOVES_ON = Convention(normalised=False, zero_gradient="the state may still move")


@rule(dimensions={"eta": STEP_SIZE, "rho": LENGTH, "tau": STEP_SIZE}, convention=_NORMALISED)
def unified_sam(space: Space, w: Traced, *, eta: Traced, rho: Traced, tau: Traced) -> Traced:
    """SAM and USAM in one: w⁺ = w − η ∇L(w + τ ∇L(w) + ρ ∇L(w)/‖∇L(w)‖).

    Oikonomou & Loizou (arXiv 2503.02225) write ρ(1−θ+θ/‖g‖)g.  There one number ρ has two dimensions; here the
    normalised radius ρθ is ``rho``, a length, and ρ(1−θ) is ``tau``, an inverse curvature.
    """
    g = space.grad(w)
    return w - eta * space.grad(w + tau * g + rho * space.unit(g))


@rule(dimensions={"eta": STEP_SIZE, "rho": LENGTH}, convention=_NORMALISED)
def stable_sam(space: Space, w: Traced, *, eta: Traced, rho: Traced) -> Traced:
    """StableSAM: SAM's direction, the length of the gradient at w: w⁺ = w − η ‖g‖ g̃/‖g̃‖.

    Tan et al. (arXiv 2401.07250).
    """
    g = space.grad(w)
    return w - eta * space.norm(g) * space.unit(space.grad(w + rho * space.unit(g)))


@rule(
    dimensions={"eta": STEP_SIZE, "rho": LENGTH, "sigma": NUMBER, "decay": NUMBER},
    convention=_MOVES_ON,
)
def friendly_sam(
    space: Space, w: Traced, m: Traced, *, eta: Traced, rho: Traced, sigma: Traced, decay: Traced
) -> dict[str, Traced]:
    """Friendly SAM: m⁺ = decay·m + (1−decay)g, then w⁺ = w − η ∇L(w + ρ d/‖d‖), d = g − σm⁺.

    Li et al. (CVPR 2024, arXiv 2403.12350); the average m estimates the full gradient.
    The published code subtracts the average before it is updated, which is the same direction for σ = 1.
    """
    g = space.grad(w)
    average = decay * m + (1 - decay) * g
    return {"w": w - eta * space.grad(w + rho * space.unit(g - sigma * average)), "m": average}


@rule(dimensions={"eta": STEP_SIZE, "momentum": NUMBER, "v": LENGTH}, convention=_PLAIN_MOVES_ON)
def heavy_ball(space: Space, w: Traced, v: Traced, *, eta: Traced, momentum: Traced) -> dict[str, Traced]:
    """Heavy-ball momentum: v⁺ = momentum·v − η ∇L(w), w⁺ = w + v⁺."""
    velocity = momentum * v - eta * space.grad(w)
    return {"w": w + velocity, "v": velocity}


@rule(dimensions={"eta": STEP_SIZE, "rho": STEP_SIZE, "momentum": NUMBER, "v": LENGTH}, convention=_PLAIN_MOVES_ON)
def heavy_ball_usam(
    space: Space, w: Traced, v: Traced, *, eta: Traced, rho: Traced, momentum: Traced
) -> dict[str, Traced]:
    """USAM with heavy-ball momentum: v⁺ = momentum·v − η ∇L(w + ρ ∇L(w)), w⁺ = w + v⁺."""
    velocity = momentum * v - eta * space.grad(w + rho * space.grad(w))
    return {"w": w + velocity, "v": velocity}


@rule(dimensions={"eta": STEP_SIZE, "rho": LENGTH, "momentum": NUMBER, "v": LENGTH}, convention=_MOVES_ON)
def heavy_ball_sam(
    space: Space, w: Traced, v: Traced, *, eta: Traced, rho: Traced, momentum: Traced
) -> dict[str, Traced]:
    """SAM with heavy-ball momentum: v⁺ = momentum·v − η ∇L(w + ρ ∇L(w)/‖∇L(w)‖), w⁺ = w + v⁺."""
    velocity = momentum * v - eta * space.grad(w + rho * space.unit(space.grad(w)))
    return {"w": w + velocity, "v": velocity}


@rule(dimensions={"eta": STEP_SIZE, "rho": LENGTH, "weight_decay": CURVATURE}, convention=_MOVES_ON)
def decayed_sam(space: Space, w: Traced, *, eta: Traced, rho: Traced, weight_decay: Traced) -> Traced:
    """SAM with weight decay outside of the ascent step: w⁺ = w − η (g̃ + weight_decay·w), g̃ that of SAM."""
    return w - eta * (space.grad(w + rho * space.unit(space.grad(w))) + weight_decay * w)


@rule(dimensions={"eta": STEP_SIZE, "rho": LENGTH, "weight_decay": CURVATURE}, convention=_NORMALISED)
def regularised_sam(space: Space, w: Traced, *, eta: Traced, rho: Traced, weight_decay: Traced) -> Traced:
    """SAM with weight decay inside: SAM on L + ½ weight_decay ‖w‖², the ascent step included."""
    p = w + rho * space.unit(space.grad(w) + weight_decay * w)
    return w - eta * (space.grad(p) + weight_decay * p)


@rule(
    dimensions={"eta": STEP_SIZE, "rho": LENGTH, "eta_decay": NUMBER, "rho_decay": NUMBER},
    convention=_NORMALISED,
)
def scheduled_sam(
    space: Space,
    w: Traced,
    *,
    eta: Traced,
    rho: Traced,
    k: Traced,
    eta_decay: Traced | int = 0,
    rho_decay: Traced | int = 0,
) -> Traced:
    """SAM with power laws: η(k+1)^(−eta_decay) and ρ(k+1)^(−rho_decay) at step k."""
    step, radius = eta * (k + 1) ** -eta_decay, rho * (k + 1) ** -rho_decay
    return w - step * space.grad(w + radius * space.unit(space.grad(w)))


@rule(dimensions={"eta": STEP_SIZE, "rho": LENGTH, "clip": GRADIENT}, convention=_NORMALISED)
def clipped_sam(space: Space, w: Traced, *, eta: Traced, rho: Traced, clip: Traced) -> Traced:
    """SAM with its gradient clipped: w⁺ = w − η g̃ · min(1, clip/‖g̃‖)."""
    ascended = space.grad(w + rho * space.unit(space.grad(w)))
    return w - eta * clip * space.unit(ascended, clip, "max")


VARIANTS: tuple[Rule, ...] = (
    unified_sam,
    stable_sam,
    friendly_sam,
    heavy_ball,
    heavy_ball_usam,
    heavy_ball_sam,
    decayed_sam,
    regularised_sam,
    scheduled_sam,
    clipped_sam,
)
