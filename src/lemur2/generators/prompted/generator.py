"""The generator: asks for transforms by four ways of prompting, in turn."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from lemur2.errors import UsageError, UserError
from lemur2.generators.language import Asked, LanguageGenerator
from lemur2.generators.prompted.grammar import composition_grammar
from lemur2.generators.transforms.operations import LEAST_SIDE, operations
from lemur2.llm import (
    TRANSFORM,
    Client,
    LlmConfig,
    Message,
    ModelFacts,
    Request,
    Wanted,
    fit,
    render,
)
from lemur2.transforms import transform_source

MODES = ("whole", "continue", "steps")
WAYS = ("zero-shot", "role", "step-back", "chain-of-thought")
BEGINNING = (
    "```python\n"
    "from torchvision import transforms\n"
    "\n"
    "\n"
    "def transform(norm):\n"
    "    return transforms.Compose([\n"
)
_LEAST = 128  # tokens that a reply must have room for


@dataclass(frozen=True, kw_only=True)
class PromptedConfig(LlmConfig):
    """How transforms are asked for, and what they are tried on."""

    network: str = field(
        default="ResNet18",
        metadata={"help": "of the corpus or the zoo, to try them on; ResNet8 suits a CPU"},
    )
    prompting: tuple[str, ...] = field(
        default=WAYS, metadata={"help": f"ways of prompting, in turn: of {', '.join(WAYS)}"}
    )
    base: str = field(
        default="norm_32_flip",
        metadata={"help": "the transform that chain-of-thought modifies: a name or a file"},
    )
    side: int = field(default=32, metadata={"help": "pixels a side that images are resized to"})
    image_side: int = field(
        default=32, metadata={"help": "pixels a side of the data set's images, for the prompt"}
    )
    mode: str = field(
        default="whole",
        metadata={
            "help": "what the model writes: whole (a file), continue (a file that is begun for "
            "it), steps (operations by a grammar); the last two need llama.cpp"
        },
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        wrong = sorted(set(self.prompting) - set(WAYS))
        if wrong or not self.prompting:
            raise UsageError(f"prompting takes {', '.join(WAYS)}, not {', '.join(wrong) or 'none'}")
        if self.mode not in MODES:
            raise UsageError(f"mode must be {' or '.join(MODES)}, not {self.mode}")
        if self.side < 1 or self.image_side < LEAST_SIDE:
            raise UsageError(f"side must be at least 1, and image_side {LEAST_SIDE}")
        transform_source(self.base)


class PromptedGenerator(LanguageGenerator[PromptedConfig]):
    """Asks for a transform by each way of prompting in turn."""

    name: ClassVar[str] = "prompted"
    about: ClassVar[str] = "transforms that a language model writes"
    Config: ClassVar[type] = PromptedConfig
    proposes: ClassVar[Literal["architecture", "transform"]] = "transform"

    def __init__(self, config: PromptedConfig, seed: int) -> None:
        super().__init__(config, seed)
        self._grammar: str | None = None
        if config.mode == "steps":
            known = operations(config.image_side)
            self._grammar = composition_grammar(known.values(), config.side)

    @property
    def wanted(self) -> Wanted:
        """A transform."""
        return TRANSFORM

    def prepare(self, client: Client, number: int) -> Asked:
        """See `LanguageGenerator.prepare`."""
        self._require(client.facts)
        return Asked(
            request=self._request(client, number),
            prefix=f"prompted-{self._way(number)}",
            parents=(self.config.network,),
            parameters={"prompting": self._way(number), "mode": self.config.mode},
            kind="transform",
        )

    def _require(self, model: ModelFacts) -> None:
        """Check that the model can be asked so. Raises UsageError."""
        begun, ruled = self.config.mode != "whole", self.config.mode == "steps"
        if (begun and not model.prefills) or (ruled and not model.grammars):
            raise UsageError(
                f"--mode {self.config.mode} needs a model that goes on with a text"
                f"{' by a grammar' if ruled else ''}; {model.model} does not: use --mode whole"
            )

    def _way(self, number: int) -> str:
        return self.config.prompting[number % len(self.config.prompting)]

    def _request(self, client: Client, number: int) -> Request:
        """The request for a candidate, by its number."""
        text = render(
            f"transforms-{self._way(number)}",
            side=self.config.side,
            size=self.config.image_side,
            base=transform_source(self.config.base).source.rstrip(),
        )
        sampling = self.sampling(number, max_tokens=768)
        messages = [Message("user", text)]
        if self.config.mode != "whole":
            messages.append(Message("assistant", BEGINNING))
            sampling = dataclasses.replace(sampling, stop=("\n```",), grammar=self._grammar)
        wish = Request(messages=tuple(messages), sampling=sampling, purpose="transforms")
        fitted = fit(client, wish, _LEAST)
        if fitted is None:
            raise UserError(
                f"the context of {self.config.llm} does not hold the {self._way(number)} prompt "
                "and a reply; take another model, or fewer --max-tokens"
            )
        return fitted
