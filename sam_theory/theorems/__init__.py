"""Theorems as data: claims, proofs, sources, and the library of statements."""

from sam_theory.arithmetic import coordinate, dot, grad, norm, value
from sam_theory.theorems._claims import (
    AlmostEvery,
    Asymptotic,
    Claim,
    Cycle,
    Envelope,
    Identity,
    Inequality,
    Limit,
    Stability,
    Threshold,
)
from sam_theory.theorems._library import library, load_file
from sam_theory.theorems._mutants import mutants_of
from sam_theory.theorems._proof import (
    LEMMAS,
    AffineLowerRecursion,
    AtPoint,
    DistanceDecreases,
    GeometricSum,
    Lemma,
    LinearGrowth,
    Step,
    StepLength,
    Telescoping,
)
from sam_theory.theorems._symbols import (
    alpha,
    beta,
    eps,
    eta,
    gap,
    lam,
    rho,
    t,
    w,
    w_next,
    w_star,
    w_start,
    x,
    x_next,
    y,
    y_next,
)
from sam_theory.theorems._theorem import Instance, Mutant, Source, Theorem
