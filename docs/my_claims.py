"""Two claims about SAM on ½λw²: one true and proved, one false and refuted."""

from sam_theory import (
    DistanceDecreases,
    Inequality,
    Limit,
    OrbitsAvoiding,
    Quadratic,
    Source,
    Theorem,
    eta,
    lam,
    norm,
    rho,
    sam,
    w,
    w_next,
)

notebook = Source("notebook", "my notebook, page 7")
radius = eta * lam * rho / (2 - eta * lam)

stays_away = Theorem(
    slug="my-radius",
    title="SAM on ½λw² ends at distance ηλρ/(2−ηλ) from the minimum",
    source=notebook,
    rule=sam,
    loss=Quadratic(lam),
    hypotheses=(rho > 0, eta * lam < 2),
    claim=Limit(norm(w), radius),
    starts=OrbitsAvoiding("w = 0"),
    proof=(DistanceDecreases(radius),),
)

contracts = Theorem(
    slug="my-contraction",
    title="For ηλ < 1 every step of SAM comes nearer to the minimum",
    source=notebook,
    rule=sam,
    loss=Quadratic(lam),
    hypotheses=(rho > 0, eta * lam < 1),
    claim=Inequality(norm(w_next), norm(w)),
)
