"""The generator: shows a model a few networks and asks for a better one."""

from __future__ import annotations

import dataclasses
import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lemur2.architecture import Candidate, content_name
from lemur2.errors import UsageError, UserError
from lemur2.generators.fewshot import blocks
from lemur2.generators.fewshot.blocks import Block
from lemur2.generators.fewshot.examples import STRATEGIES, Examples
from lemur2.generators.fewshot.fitting import Fitted, Shown, fit_prompt
from lemur2.generators.fewshot.modes import MODES, Mode
from lemur2.llm import (
    NETWORK,
    BudgetSpent,
    Client,
    Draft,
    LlmConfig,
    draft,
    fit,
    render,
)
from lemur2.loop.generator import Generator

if TYPE_CHECKING:
    from lemur2.corpus.pool import Pool

TASK = "img-classification"
_MAINS_TRIED = 8  # main networks that are drawn until one fits into the context
_SEEDS = 1 << 20  # of one run: those of its requests are consecutive
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class FewShotConfig(LlmConfig):
    """What prompts show, and how the model is asked."""

    examples: int = field(
        default=1, metadata={"help": "supporting networks in a prompt, 0 to 6 (n of the paper)"}
    )
    strategy: str = field(
        default="balanced",
        metadata={"help": f"how the networks of a prompt are chosen: {', '.join(STRATEGIES)}"},
    )
    top: float = field(
        default=0.2, metadata={"help": "which share of the best is good enough to be shown"}
    )
    longest: int = field(
        default=0,
        metadata={"help": "characters that a shown network may have; 0 for what the context takes"},
    )
    mode: str = field(
        default="whole",
        metadata={
            "help": "what the model writes: whole (a file), continue (a file that is begun for "
            "it), layers (the layers of a frame, by a grammar); the last two need llama.cpp"
        },
    )
    blocks: str = field(
        default="",
        metadata={
            "help": "folder of blocks (`lemur2 blocks extract`), some are shown as well; with "
            "--need, the block library's file instead of the usual one"
        },
    )
    need: str = field(
        default="",
        metadata={
            "help": "what blocks are wanted for, as 'window attention': those of the block "
            "library that fit best are shown"
        },
    )
    blocks_shown: int = field(default=2, metadata={"help": "blocks in a prompt, where there are"})
    blocks_tokens: int = field(
        default=1500, metadata={"help": "most tokens of the blocks for a need, together"}
    )
    template: str = field(
        default="",
        metadata={"help": "a changed copy of the prompt (`lemur2 prompt fewshot --show`)"},
    )
    hyperparameters: tuple[str, ...] = field(
        default=("lr", "momentum"),
        metadata={"help": "what supported_hyperparameters returns in every file"},
    )
    size: int = field(default=32, metadata={"help": "pixels a side that the prompt speaks of"})

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.examples <= 6:
            raise UsageError(f"examples must be from 0 to 6, not {self.examples}")
        for name, known in (("strategy", STRATEGIES), ("mode", tuple(MODES))):
            if getattr(self, name) not in known:
                raise UsageError(f"{name} must be {' or '.join(known)}, not {getattr(self, name)}")
        if not 0 < self.top <= 1:
            raise UsageError(f"top must be above 0 and at most 1, not {self.top}")
        if self.blocks and not self.need and not blocks.files(self.blocks):
            raise UsageError(f"there are no blocks (.py files) in {self.blocks}")
        if self.need and self.blocks and not Path(self.blocks).is_file():
            raise UsageError(f"there is no block library {self.blocks}")
        if self.template and not Path(self.template).is_file():
            raise UsageError(f"there is no template {self.template}")


class FewShotGenerator(Generator[FewShotConfig]):
    """Asks for a network that combines the best of those in the prompt.

    Every reply becomes a candidate, also one that is no network after its repairs: the loop
    refuses it with the cause, and the funnel counts it. What is asked depends on the seed, the
    pool and the candidate's number alone.
    """

    name: ClassVar[str] = "fewshot"
    about: ClassVar[str] = "networks that a language model makes of a few examples (alt-nn)"
    Config: ClassVar[type] = FewShotConfig

    def __init__(self, config: FewShotConfig, seed: int) -> None:
        super().__init__(config, seed)
        self._mode: Mode = MODES[config.mode](config.hyperparameters)
        self._pool: Pool | None = None
        self._examples: Examples | None = None
        self._client: Client | None = None
        self._asked = 0
        self._ahead: list[Candidate] = []  # answered in one go with earlier ones, not given yet
        self._spent = False

    def meet(self, pool: Pool) -> None:
        """Take examples from this pool; without one they are the zoo's."""
        self._pool = pool

    def ask(self, limit: int) -> Sequence[Candidate]:
        """The next ones; fewer, in the end none, where the budget is spent.

        Raises:
            UserError: The model cannot be had, or its context holds not even one example.
        """
        short = limit - len(self._ahead)
        if short > 0 and not self._spent:
            self._ahead += self._generate(max(short, self.config.concurrency))
        given, self._ahead = self._ahead[:limit], self._ahead[limit:]
        return given

    def state(self) -> Mapping[str, Any]:
        """How many were asked for, and those that were answered but not given yet."""
        return {
            "asked": self._asked,
            "ahead": [dataclasses.asdict(candidate) for candidate in self._ahead],
            "spent": self._spent,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from there. What the record answers is not asked again."""
        self._asked = state["asked"]
        self._spent = state["spent"]
        self._ahead = [
            Candidate(**{**each, "parents": tuple(each["parents"])}) for each in state["ahead"]
        ]

    def close(self) -> None:
        """Let the model go."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _generate(self, count: int) -> list[Candidate]:
        if self._client is None:
            self._client = self.config.open()
        numbers = range(self._asked, self._asked + count)
        try:
            fitted = [self._prompt(self._client, number) for number in numbers]
            drafts = draft(
                self._client,
                [each.request for each in fitted],
                dataclasses.replace(NETWORK, hyperparameters=self.config.hyperparameters),
                repairs=self.config.repairs,
                tail=self._mode.tail,
            )
        except BudgetSpent as error:
            _log.warning("%s", error)
            self._spent = True
            return []
        self._asked += count
        found = zip(numbers, fitted, drafts, strict=True)
        return [self._candidate(self._client, *each) for each in found]

    def _met(self) -> tuple[Pool, Examples]:
        if self._pool is None:
            from lemur2.corpus.pool import Pool  # SQLAlchemy: only who asks pays for it

            self._pool = Pool(None, task=TASK)
        if self._examples is None:
            self._examples = Examples(
                self._pool, self.config.strategy, self.config.top, self.config.longest
            )
        return self._pool, self._examples

    def _prompt(self, client: Client, number: int) -> Fitted:
        """The request for a candidate, by its number."""
        pool, examples = self._met()
        chance = random.Random(f"fewshot {self.seed} {number}")
        sampling = self.config.sampling((self.seed * _SEEDS + number) % (1 << 31))
        self._mode.require(client.facts)

        def fitted_with(beside: Sequence[Block], shown: Sequence[Shown]) -> Fitted | None:
            return fit_prompt(
                shown,
                lambda some: self._mode.request(self._write(some, beside), sampling),
                lambda request: fit(client, request, self._mode.least),
            )

        beside = self._beside(chance)
        for _ in range(_MAINS_TRIED):
            shown = [
                Shown(name=m.name, code=pool.source(m.name).rstrip(), accuracy=m.score)
                for m in examples.draw(1 + self.config.examples, chance)
            ]
            fitted = fitted_with(beside, shown)
            if beside and (fitted is None or fitted.cut):  # blocks go before examples do
                dropped = tuple({"name": each.name, "how": "dropped"} for each in beside)
                fitted = fitted_with((), shown)
                fitted = fitted and dataclasses.replace(fitted, cut=(*dropped, *fitted.cut))
            if fitted is not None:
                return fitted
        raise UserError(
            f"the context of {self.config.llm} ({client.facts.context:,} tokens) holds none of "
            f"{_MAINS_TRIED} networks that were drawn, and a reply; take another model, or "
            "fewer --max-tokens"
        )

    @cached_property
    def _blocks(self) -> Sequence[Block]:
        """Those to choose from."""
        config = self.config
        if config.need:
            bounds = {"count": config.blocks_shown, "tokens": config.blocks_tokens}
            return blocks.for_need(config.need, config.blocks, **bounds)
        return blocks.of_folder(config.blocks) if config.blocks else []

    def _beside(self, chance: random.Random) -> Sequence[Block]:
        """The blocks that a prompt shows."""
        if self.config.need:
            return self._blocks
        return chance.sample(self._blocks, min(self.config.blocks_shown, len(self._blocks)))

    def _write(self, shown: Sequence[Shown], beside: Sequence[Block]) -> str:
        main, *others = (dataclasses.asdict(each) for each in shown)
        return render(
            self._mode.prompt,
            Path(self.config.template) if self.config.template else None,
            main=main,
            examples=others,
            hyperparameters=list(self.config.hyperparameters),
            size=self.config.size,
            blocks=[dataclasses.asdict(each) for each in beside],
        )

    def _candidate(self, client: Client, number: int, fitted: Fitted, made: Draft) -> Candidate:
        count = len(fitted.shown) - 1
        prefix = f"alt-nn{count}"
        client.link(content_name(prefix, made.source), made.keys)
        return Candidate(
            source=made.source,
            generator=self.name,
            prefix=prefix,
            parents=tuple(each.name for each in fitted.shown),
            parameters={
                "number": number,
                "examples": count,
                "strategy": self.config.strategy,
                "mode": self.config.mode,
                "llm": self.config.llm,
                "model": client.facts.model,
                "accuracies": [each.accuracy for each in fitted.shown],
                "cut": list(fitted.cut),
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
