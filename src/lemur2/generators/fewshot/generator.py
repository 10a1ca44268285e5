"""The generator: shows a model a few networks and asks for a better one."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from lemur2.errors import UsageError, UserError
from lemur2.generators.fewshot import blocks
from lemur2.generators.fewshot.blocks import Block
from lemur2.generators.fewshot.examples import STRATEGIES, Examples
from lemur2.generators.fewshot.fitting import Fitted, Shown, alone, cuts, fit_prompt
from lemur2.generators.fewshot.modes import MODES, Mode
from lemur2.generators.language import Asked, LanguageGenerator
from lemur2.llm import NETWORK, Client, LlmConfig, Request, Wanted, fit, render
from lemur2.metrics import higher_is_better

if TYPE_CHECKING:
    from lemur2.corpus.pool import Member, Pool

TASK = "img-classification"
_MAINS_TRIED = 8  # main networks that are drawn until one fits into the context


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
    prompt_tokens: int = field(
        default=0,
        metadata={"help": "most tokens of a prompt; 0 for what the model soon reads"},
    )
    samples: int = field(
        default=0,
        metadata={"help": "candidates drawn from one prompt; 0 for what suits the model"},
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
        if self.prompt_tokens < 0 or self.samples < 0:
            raise UsageError("prompt_tokens and samples must be 0 or more")
        if not 0 < self.top <= 1:
            raise UsageError(f"top must be above 0 and at most 1, not {self.top}")
        if self.blocks and not self.need and not blocks.files(self.blocks):
            raise UsageError(f"there are no blocks (.py files) in {self.blocks}")
        if self.need and self.blocks and not Path(self.blocks).is_file():
            raise UsageError(f"there is no block library {self.blocks}")
        if self.template and not Path(self.template).is_file():
            raise UsageError(f"there is no template {self.template}")


class FewShotGenerator(LanguageGenerator[FewShotConfig]):
    """Asks for a network that combines the best of those in the prompt."""

    name: ClassVar[str] = "fewshot"
    about: ClassVar[str] = "networks that a language model makes of a few examples (alt-nn)"
    Config: ClassVar[type] = FewShotConfig

    def __init__(self, config: FewShotConfig, seed: int) -> None:
        super().__init__(config, seed)
        self._mode: Mode = MODES[config.mode](config.hyperparameters)
        self._pool: Pool | None = None
        self._examples: Examples | None = None
        self._cuts: Counter[str] = Counter()

    @property
    def wanted(self) -> Wanted:
        """A network, with these hyperparameters."""
        return dataclasses.replace(NETWORK, hyperparameters=self.config.hyperparameters)

    @property
    def tail(self) -> str:
        """What the mode's frame has after the reply."""
        return self._mode.tail

    def meet(self, pool: Pool) -> None:
        """Take examples from this pool; without one they are the zoo's."""
        self._pool = pool

    def prepare(self, client: Client, number: int) -> Asked:
        """See `LanguageGenerator.prepare`."""
        fitted = self._prompt(client, number)
        self._cuts.update(each["how"] for each in fitted.cut)
        count = len(fitted.shown) - 1
        return Asked(
            request=fitted.request,
            prefix=f"alt-nn{count}",
            parents=tuple(each.name for each in fitted.shown),
            parameters={
                "examples": count,
                "strategy": self.config.strategy,
                "mode": self.config.mode,
                "accuracies": [each.accuracy for each in fitted.shown],
                "cut": list(fitted.cut),
            },
        )

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
        group = number // (self.config.samples or client.facts.samples)
        chance = random.Random(f"fewshot {self.seed} {group}")
        self._mode.require(client.facts)
        beside = self._beside(chance)
        drawn = []
        for _ in range(_MAINS_TRIED):
            shown = [
                Shown(name=m.name, code=pool.source(m.name).rstrip(), accuracy=_accuracy(pool, m))
                for m in examples.draw(1 + self.config.examples, chance)
            ]
            fitted = self._fitted(client, number, shown, beside)
            if fitted is not None:
                return fitted
            drawn.append(shown)
        # None is short enough to be read soon: the shortest then, alone, if the context takes it.
        shortest = min(drawn, key=lambda shown: len(shown[0].code))
        fitted = fit_prompt(
            alone(shortest),
            lambda some: self._request(some, (), number),
            lambda request: fit(client, request, self._mode.least),
        )
        if fitted is not None:
            return dataclasses.replace(fitted, cut=(*cuts(shortest), *fitted.cut))
        raise UserError(
            f"the context of {self.config.llm} ({client.facts.context:,} tokens) holds none of "
            f"{_MAINS_TRIED} networks that were drawn, and a reply; take another model, or "
            "fewer --max-tokens"
        )

    def _fitted(
        self, client: Client, number: int, shown: Sequence[Shown], beside: Sequence[Block]
    ) -> Fitted | None:
        """The request that shows these, cut to what the model's context and speed take."""
        most = self.config.prompt_tokens or client.facts.prompt

        def fitted_with(blocks_too: Sequence[Block]) -> Fitted | None:
            return fit_prompt(
                shown,
                lambda some: self._request(some, blocks_too, number),
                lambda request: fit(client, request, self._mode.least, most),
            )

        fitted = fitted_with(beside)
        if beside and (fitted is None or fitted.cut):  # blocks go before examples do
            dropped = tuple({"name": each.name, "how": "dropped"} for each in beside)
            fitted = fitted_with(())
            fitted = fitted and dataclasses.replace(fitted, cut=(*dropped, *fitted.cut))
        return fitted

    def _request(self, shown: Sequence[Shown], beside: Sequence[Block], number: int) -> Request:
        return self._mode.request(self._write(shown, beside), self.sampling(number))

    def notes(self) -> Sequence[str]:
        """What prompts had to leave out."""
        if not self._cuts:
            return ()
        left_out = ", ".join(f"{how} {count}" for how, count in sorted(self._cuts.items()))
        return (
            f"prompts were cut to what {self.config.llm} reads in good time ({left_out}); "
            "--prompt-tokens and --examples change that",
        )

    @cached_property
    def _blocks(self) -> Sequence[Block]:
        """Those to choose from."""
        config = self.config
        if config.need:
            bounds = {"count": config.blocks_shown, "tokens": config.blocks_tokens}
            return blocks.for_need(config.need, config.blocks, lambda: self.engine, **bounds)
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


def _accuracy(pool: Pool, member: Member) -> float | None:
    """What a prompt calls a network's accuracy; None where its score is one to be low."""
    rising = pool.metric is None or higher_is_better(pool.metric)
    return member.score if rising else None
