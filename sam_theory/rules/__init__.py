"""Rules: gradient descent, SAM, USAM, and a decorator for your own."""

from sam_theory.rules._builtin import RULES, gd, sam, usam
from sam_theory.rules._rule import Convention, FiniteLaw, Rule, Space, rule

__all__ = ["RULES", "Convention", "FiniteLaw", "Rule", "Space", "gd", "rule", "sam", "usam"]
