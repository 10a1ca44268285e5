"""Every registered generator keeps the generator contract."""

from pathlib import Path

import pytest

from lemur2.generators import generator_class, generator_names
from lemur2.generators.experts import ExpertsConfig
from lemur2.generators.fewshot import FewShotConfig
from lemur2.generators.fractal import FractalConfig
from lemur2.generators.mutation import MutationConfig
from lemur2.generators.prompted import PromptedConfig
from lemur2.generators.transforms import TransformsConfig
from lemur2.generators.zoo import ZooConfig
from lemur2.testing.generators import GeneratorSuite

EXHAUSTIBLE = {
    "experts": ExpertsConfig(mixtures="homogeneous", numbers=(4,), experts=("ConvNet16",)),
    "fractal": FractalConfig(depths=(1,), columns=(1, 2), widths=(8,)),
    "transforms": TransformsConfig(
        arities=(0, 1), operations=("Grayscale", "RandomInvert"), sides=(16, 32)
    ),
    "zoo": ZooConfig(),
}
IN_FIXED_ORDER = {"zoo"}
# A real recorded run of the embedded model stands in for it, its replies dealt out by seed.
DECK = Path(__file__).parent / "fewshot/layers.jsonl"
CONFIGS = {
    "fewshot": FewShotConfig(llm=f"deck:{DECK}", mode="layers", examples=1),
    "mutation": MutationConfig(parent=("LeNet",)),
    # Replies that we wrote: the embedded model's are hardly ever transforms.
    "prompted": PromptedConfig(llm=f"deck:{DECK.parent.parent}/prompted/scripted.jsonl"),
}


@pytest.mark.usefixtures("shared_sandbox")
class TestRegisteredGenerators(GeneratorSuite):
    @pytest.fixture(params=generator_names())
    def generator_class(self, request):
        return generator_class(request.param)

    @pytest.fixture
    def config(self, generator_class):
        return CONFIGS.get(generator_class.name, generator_class.Config())

    @pytest.fixture
    def small_config(self, generator_class):
        return EXHAUSTIBLE.get(generator_class.name)

    @pytest.fixture
    def random(self, generator_class):
        return generator_class.name not in IN_FIXED_ORDER
