"""The generator: asks for transforms by four ways of prompting, in turn."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from lemur2.architecture import Candidate, content_name
from lemur2.errors import UsageError, UserError
from lemur2.generators.prompted.grammar import composition_grammar
from lemur2.generators.transforms.operations import LEAST_SIDE, operations
from lemur2.llm import (
    TRANSFORM,
    BudgetSpent,
    Client,
    Draft,
    LlmConfig,
    Message,
    ModelFacts,
    Request,
    draft,
    fit,
    render,
)
from lemur2.loop.generator import Generator
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
_SEEDS = 1 << 20  # of one run: those of its requests are consecutive
_log = logging.getLogger(__name__)


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


class PromptedGenerator(Generator[PromptedConfig]):
    """Asks for a transform by each way of prompting in turn.

    Every reply becomes a candidate, also one that is no transform after its repairs: the loop
    refuses it with the cause, and the funnel counts it. What is asked depends on the seed and the
    candidate's number alone.
    """

    name: ClassVar[str] = "prompted"
    about: ClassVar[str] = "transforms that a language model writes"
    Config: ClassVar[type] = PromptedConfig

    def __init__(self, config: PromptedConfig, seed: int) -> None:
        super().__init__(config, seed)
        self._client: Client | None = None
        self._asked = 0
        self._spent = False
        self._grammar: str | None = None
        if config.mode == "steps":
            known = operations(config.image_side)
            self._grammar = composition_grammar(known.values(), config.side)

    def ask(self, limit: int) -> Sequence[Candidate]:
        """The next `limit`; none where the budget is spent.

        Raises:
            UserError: The model cannot be had, or its context does not hold the prompt.
        """
        if self._spent:
            return []
        if self._client is None:
            self._client = self.config.open()
        client, numbers = self._client, range(self._asked, self._asked + limit)
        self._require(client.facts)
        try:
            requests = [self._request(client, number) for number in numbers]
            drafts = draft(client, requests, TRANSFORM, repairs=self.config.repairs)
        except BudgetSpent as error:
            _log.warning("%s", error)
            self._spent = True
            return []
        self._asked += limit
        return [
            self._candidate(client, number, made)
            for number, made in zip(numbers, drafts, strict=True)
        ]

    def state(self) -> Mapping[str, Any]:
        """How many were asked for."""
        return {"asked": self._asked, "spent": self._spent}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from there. What the record answers is not asked again."""
        self._asked, self._spent = state["asked"], state["spent"]

    def close(self) -> None:
        """Let the model go."""
        if self._client is not None:
            self._client.close()
            self._client = None

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
        sampling = self.config.sampling((self.seed * _SEEDS + number) % (1 << 31), max_tokens=768)
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

    def _candidate(self, client: Client, number: int, made: Draft) -> Candidate:
        prefix = f"prompted-{self._way(number)}"
        client.link(content_name(prefix, made.source), made.keys)
        return Candidate(
            source=made.source,
            kind="transform",
            generator=self.name,
            prefix=prefix,
            parents=(self.config.network,),
            parameters={
                "number": number,
                "prompting": self._way(number),
                "mode": self.config.mode,
                "llm": self.config.llm,
                "model": client.facts.model,
                "requests": list(made.keys),
                "repairs": made.repairs,
                "steps": list(made.steps),
                "prompt_tokens": made.prompt_tokens,
                "completion_tokens": made.completion_tokens,
                "finish": made.finish,
                "refused": str(made.refusal) if made.refusal is not None else None,
            },
            prompt=made.prompt,
        )
