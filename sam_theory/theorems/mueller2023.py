"""After Mueller, Vlaar, Rolnick & Hein, "Normalization Layers Are All That Sharpness-Aware Minimization Needs" (2023).

SAM-ON perturbs one block of the weights.  On a block-diagonal quadratic the blocks do not feel each other: the
perturbed block follows SAM with its own top eigenvalue, the rest follows gradient descent.  Derived here.
"""

from __future__ import annotations

import sympy as sp

from sam_theory.arithmetic import CURVATURE, coordinate, norm
from sam_theory.losses import Quadratic
from sam_theory.rules import block_sam
from sam_theory.theorems._claims import AlmostEvery, Cycle, Identity, Limit
from sam_theory.theorems._coordinates import IndependentCoordinates
from sam_theory.theorems._proof import LinearGrowth
from sam_theory.theorems._sources import MUELLER
from sam_theory.theorems._symbols import eta, lam, rho, w, w_next
from sam_theory.theorems._theorem import Theorem, declared
from sam_theory.theorems.wen2023 import lam_j, radius, transverse, zero

#: Eigenvalues of the block that is not perturbed.
m, m_k = sp.symbols("m m_k", positive=True)
curvatures = {"lam_j": CURVATURE, "m": CURVATURE, "m_k": CURVATURE}
gap_m, gap_k = 1 - eta * m, 1 - eta * m_k

BLOCK_CYCLE = Theorem(
    slug="sam-on-block.cycle",
    title="SAM on the first coordinate alone: the 2-cycle ±ηλρ/(2−ηλ) is stable for ηm < 2",
    source=MUELLER,
    rule=block_sam,
    loss=Quadratic(lam, m),
    hypotheses=(rho > 0, eta * lam < 2, eta * m < 2),
    claim=Cycle(((radius, zero), (-radius, zero)), ((1 - eta * lam) ** 2, gap_m**2), stable=True),
    dimensions={"m": CURVATURE},
    tightness="exact",
    notes="m may exceed λ: the unperturbed block does not take part in the choice of the top eigenvalue",
)
BLOCK_FOUR = BLOCK_CYCLE.with_(
    slug="sam-on-block.top-of-the-block",
    title="Two eigenvalues in the block, two outside: the multipliers are those of SAM in the block, 1−ηm outside",
    loss=Quadratic(lam, lam_j, m, m_k),
    hypotheses=(rho > 0, eta * lam < 2),
    claim=Cycle(
        ((radius, zero, zero, zero), (-radius, zero, zero, zero)),
        ((1 - eta * lam) ** 2, transverse**2, gap_m**2, gap_k**2),
    ),
    dimensions=curvatures,
    notes="for λ_j < λ all four have modulus below 1, see quad-two-cycle.cycle",
)
BLOCK_UNSTABLE = BLOCK_CYCLE.with_(
    slug="sam-on-block.rest-unstable",
    title="Beyond ηm = 2 the unperturbed coordinate leaves the cycle",
    hypotheses=(rho > 0, eta * lam < 2, eta * m > 2),
    claim=Cycle(((radius, zero), (-radius, zero)), ((1 - eta * lam) ** 2, gap_m**2), stable=False),
)
BLOCK_REST = BLOCK_CYCLE.with_(
    slug="sam-on-block.rest",
    title="The unperturbed block follows gradient descent, whatever ρ",
    hypotheses=(),
    claim=Identity(coordinate(w_next, 1), gap_m * coordinate(w, 1)),
    notes="",
)
BLOCK_ATTRACTS = BLOCK_CYCLE.with_(
    slug="sam-on-block.attracts",
    title="From almost every start ‖w_t‖ tends to ηλρ/(2−ηλ): the unperturbed coordinate vanishes",
    unneeded={"rho > 0": "at ρ = 0 this is gradient descent, which converges to the minimiser, and the value is 0"},
    claim=Limit(norm(w) ** 2, radius**2),
    starts=AlmostEvery(("orbits in which a coordinate hits 0 exactly",)),
    proof=(IndependentCoordinates((1 - eta * lam, gap_m), (eta * lam * rho, zero)),),
    without={
        eta * m < 2: BLOCK_UNSTABLE.with_(
            slug="sam-on-block.leaves",
            claim=Limit(norm(w), sp.oo),
            starts=AlmostEvery((sp.Eq(coordinate(w, 1), 0),)),
            proof=(LinearGrowth(gap_m, 1),),
        )
    },
)

THEOREMS = declared(globals())
