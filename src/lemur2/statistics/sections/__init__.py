"""The report's sections in order. Another one is a file here and a line in `SECTIONS`."""

from lemur2.statistics.sections.base import Part, Picture, Section, Table
from lemur2.statistics.sections.best import Best
from lemur2.statistics.sections.blocks import Blocks
from lemur2.statistics.sections.claims import Claims
from lemur2.statistics.sections.evolution import Evolution
from lemur2.statistics.sections.fewshot import FewShot
from lemur2.statistics.sections.funnels import Funnels
from lemur2.statistics.sections.groups import Groups
from lemur2.statistics.sections.hyperparameters import Hyperparameters
from lemur2.statistics.sections.learning import Learning
from lemur2.statistics.sections.mixtures import Mixtures
from lemur2.statistics.sections.overview import Overview
from lemur2.statistics.sections.ranks import Ranks
from lemur2.statistics.sections.segmentation import Segmentation
from lemur2.statistics.sections.text import Text
from lemur2.statistics.sections.tradeoffs import Tradeoffs
from lemur2.statistics.sections.transforms import Transforms

SECTIONS: tuple[type[Section], ...] = (
    Overview,
    Best,
    Groups,
    Text,
    Segmentation,
    Tradeoffs,
    Learning,
    Hyperparameters,
    Ranks,
    Mixtures,
    FewShot,
    Evolution,
    Transforms,
    Blocks,
    Funnels,
    Claims,
)

__all__ = ["SECTIONS", "Part", "Picture", "Section", "Table"]
