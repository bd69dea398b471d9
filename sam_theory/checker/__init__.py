"""An independent checker of certificates: it shares losses, rules and theorems with the rest, and no arithmetic."""

from sam_theory.checker._dual import verify_dual
from sam_theory.checker._enclosure import check_diagram, check_region
from sam_theory.checker._file import (
    FORMS,
    LARGEST,
    Outcome,
    certificate,
    certificate_schema,
    check_text,
    dumps,
    origin_of,
)
from sam_theory.checker._goals import Goal, goals_of
from sam_theory.checker._instance import plain_member
from sam_theory.checker._points import check_points, points_text
from sam_theory.checker._proof import DENIALS, canonical
from sam_theory.checker._refutation import verify
from sam_theory.checker._rejected import Rejected
from sam_theory.checker._replay import smt_status
from sam_theory.checker._space import NotChecked
from sam_theory.checker._systems import Oracle, close
from sam_theory.checker._witness import CHOSEN, consequences

__all__ = [
    "CHOSEN",
    "DENIALS",
    "FORMS",
    "LARGEST",
    "Goal",
    "NotChecked",
    "Oracle",
    "Outcome",
    "Rejected",
    "canonical",
    "certificate",
    "certificate_schema",
    "check_diagram",
    "check_points",
    "check_region",
    "check_text",
    "close",
    "consequences",
    "dumps",
    "goals_of",
    "origin_of",
    "plain_member",
    "points_text",
    "smt_status",
    "verify",
    "verify_dual",
]
