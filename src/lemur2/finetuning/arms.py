"""The arms of a comparison: what answers, how it is asked, what became of the answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lemur2.architecture import Architecture, Refusal, Verdict
from lemur2.evaluation.engines import Engine
from lemur2.evaluation.jobs import Screen
from lemur2.evaluation.plan import Plan
from lemur2.finetuning.examples import PROMPTS, Wish
from lemur2.finetuning.funnels import Judged
from lemur2.finetuning.novelty import Seen
from lemur2.llm import NETWORK, Backend, Client, Message, Reply, Request, Sampling
from lemur2.llm.text.sanitise import clean
from lemur2.paths import inside

_LONGEST = {
    "whole": 800,
    "partial": 600,
    "grammar": 1200,
}  # as the networks that are learnt, and less


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One side of a comparison.

    Attributes:
        model: A GGUF file, a folder, or a hub's name.
        adapter: Put on it; None leaves the model untouched.
        way: `whole` has the model write the file, `partial` only what follows the beginning in
            `prompts/partial_net.py`: the layers and `forward`. `grammar` has this follow the
            grammar in `prompts/partial_net.gbnf`: the model chooses, but only what fits.
        sampling: How replies are drawn, the seed apart.
    """

    model: str
    adapter: Path | None
    way: str
    sampling: Sampling

    @property
    def name(self) -> str:
        """`untouched-partial-t0.8`."""
        state = "tuned" if self.adapter else "untouched"
        return f"{state}-{self.way}-t{self.sampling.temperature:g}"

    @property
    def beginning(self) -> str:
        """What the reply is begun with. Without its last line break: the model writes that."""
        if self.way == "whole":
            return ""
        return (PROMPTS / "partial_net.py").read_text("utf-8").rstrip()

    def requests(self, wish: Wish, seeds: Sequence[int]) -> list[Request]:
        """One for each seed; the same for an untouched model and a tuned one."""
        messages: tuple[Message, ...] = (Message("user", wish.prompt()),)
        if self.beginning:
            messages += (Message("assistant", self.beginning),)
        settings = {**asdict(self.sampling), "max_tokens": _LONGEST[self.way]}
        if self.way == "grammar":
            settings["grammar"] = (PROMPTS / "partial_net.gbnf").read_text("utf-8")
        return [
            Request(
                messages=messages, sampling=Sampling(**{**settings, "seed": seed}), purpose=self.way
            )
            for seed in seeds
        ]


def answers(
    arm: Arm,
    backend: Backend,
    wish: Wish,
    seeds: Sequence[int],
    record: Path,
    say: Callable[[str], None],
) -> list[tuple[Request, Reply]]:
    """What the model wrote for every seed; what the record has already is not asked again."""
    requests = arm.requests(wish, seeds)
    name = f"{backend.kind}:{arm.model}" + (f"+{arm.adapter}" if arm.adapter else "")
    client = Client(backend, name=name, record=record, say=say)
    return list(zip(requests, client.complete(requests), strict=True))


def judge(
    arm: Arm,
    found: Sequence[tuple[Request, Reply]],
    known: frozenset[str],
    plan: Plan,
    engine: Engine,
) -> Iterator[Judged]:
    """Mend, parse, compare and screen every answer, in the order of the seeds.

    Args:
        arm: What answered.
        found: Its answers.
        known: Digests that are not new.
        plan: The data set whose input it is screened at.
        engine: Entered; where it is screened.
    """
    seen = Seen(known)
    for request, reply in found:
        source = clean(arm.beginning + reply.text, NETWORK).source
        name, repeats, structure, parameters = "", "", "", None
        verdict, reason = Verdict.OK, ""
        try:
            name = Architecture.parse(source, prefix="tuned" if arm.adapter else "untouched").name
            repeats = seen.repeats(source)
            structure, parameters = _screened(source, plan, engine)
        except Refusal as refusal:
            verdict, reason = refusal.verdict, str(refusal)
        yield Judged(
            seed=request.sampling.seed or 0,
            name=name,
            ended=reply.finish == "stop",
            verdict=str(verdict),
            reason=reason,
            repeats=repeats,
            structure=structure,
            parameters=parameters,
            tokens=reply.completion_tokens,
            seconds=reply.seconds,
            source=source,
        )


def _screened(source: str, plan: Plan, engine: Engine) -> tuple[str, int]:
    facts = engine.run(Screen.under(source, plan)).facts
    return facts.structure_digest, facts.parameters


def write_judged(judged: Sequence[Judged], folder: Path) -> None:
    """A JSON line for each, and the networks that are ok and new as files."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(asdict(each)) + "\n" for each in judged)
    (folder / "candidates.jsonl").write_text(lines, "utf-8")
    for each in judged:
        if each.stages[-1]:
            text = each.source.encode("utf-8", "surrogatepass")
            inside(folder, each.name, ".py").write_bytes(text)
