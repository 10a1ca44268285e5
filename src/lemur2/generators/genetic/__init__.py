"""NAS-GA: genetic search over AlexNet-style networks and how they are trained.

After section 7 of the paper's supplement. `space` says as data what there is, `design` what a
vector builds, `template` writes it; `operators` (on pymoo) vary and select, `evolution` is the
search engine, `generator` ties it to the grow loop.
"""

from lemur2.generators.genetic.design import Design
from lemur2.generators.genetic.generator import GeneticConfig, GeneticGenerator
from lemur2.generators.genetic.space import BASIC, BLOCK, Space
from lemur2.generators.genetic.template import write_source

__all__ = [
    "BASIC",
    "BLOCK",
    "Design",
    "GeneticConfig",
    "GeneticGenerator",
    "Space",
    "write_source",
]
