"""Rules: gradient descent, SAM, USAM, and a decorator for your own."""

from sam_theory.rules._builtin import RULES, gd, sam, usam
from sam_theory.rules._describe import describe_rule, rule_of
from sam_theory.rules._rule import Convention, FiniteLaw, Rule, Space, rule

__all__ = ["RULES", "Convention", "FiniteLaw", "Rule", "Space", "describe_rule", "gd", "rule", "rule_of", "sam", "usam"]
