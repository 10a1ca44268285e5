"""Mixtures of experts, after section 4 of the paper's supplement.

`blueprint` says what a mixture is, `heterogeneous` and `homogeneous` draw them, `part` makes a
network's file stand beside others (`scopes`, `imports`), `mixture` writes gate, routing and losses,
`compose` puts the file together, `generator` proposes it; the grow loop is the runner.
"""

from lemur2.generators.experts.blueprint import Blueprint
from lemur2.generators.experts.compose import compose
from lemur2.generators.experts.generator import ExpertsConfig, ExpertsGenerator
from lemur2.generators.experts.part import Part
from lemur2.generators.experts.scopes import Unclear

__all__ = ["Blueprint", "ExpertsConfig", "ExpertsGenerator", "Part", "Unclear", "compose"]
