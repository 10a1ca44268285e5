"""Before and after: the same questions with the same seeds, the funnels beside each other."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lemur2.errors import UsageError, UserError
from lemur2.evaluation.engines import Engine
from lemur2.evaluation.plan import Plan
from lemur2.finetuning.arms import Arm, answers, judge, write_judged
from lemur2.finetuning.examples import Wish
from lemur2.finetuning.funnels import STAGES, Judged, difference, funnel, summary
from lemur2.llm import Backend, Sampling
from lemur2.llm.backends.embedded import EmbeddedBackend
from lemur2.llm.backends.hf import HfBackend
from lemur2.transforms.pipeline import Pipeline

OnProgress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What is compared.

    Attributes:
        model: A GGUF file, a folder, or a hub's name.
        adapter: Of the tuned arms.
        ways: `whole`, `partial`, `grammar`; the last for an untouched GGUF file alone, as
            llama.cpp answers it.
        samplings: Each makes an arm of every way, before and after.
        count: Replies of an arm.
        seed: The first reply's; they count up from there.
        accuracy: What the prompt asks for.
        batch: Replies at once.
        threads: Of the CPU.
        before: Whether the untouched model is asked too.
    """

    model: str
    adapter: Path
    ways: tuple[str, ...]
    samplings: tuple[Sampling, ...]
    count: int = 64
    seed: int = 0
    accuracy: float | None = None
    batch: int = 16
    threads: int = 1
    before: bool = True

    def __post_init__(self) -> None:
        if "grammar" in self.ways and not (self.before and self.model.endswith(".gguf")):
            raise UsageError(
                "a grammar is for an untouched GGUF file; leave it, or --only-tuned out"
            )

    @property
    def arms(self) -> list[Arm]:
        """Untouched and tuned ones, those of a model together."""
        adapters = (None, self.adapter) if self.before else (self.adapter,)
        return [
            Arm(model=self.model, adapter=adapter, way=way, sampling=sampling)
            for adapter in adapters
            for way in self.ways
            for sampling in self.samplings
            if adapter is None or way != "grammar"
        ]

    def backend(self, arm: Arm) -> Backend:
        """What answers an arm."""
        if arm.way == "grammar":
            return EmbeddedBackend(Path(self.model), threads=self.threads)
        adapter = str(arm.adapter or "")
        return HfBackend(self.model, adapter, batch=self.batch, threads=self.threads)


def wish_for(plan: Plan, accuracy: float | None) -> Wish:
    """What a prompt asks for where networks are for a plan's data and transform.

    Raises:
        UserError: The data are no images.
    """
    spec = plan.spec
    if plan.task.name != "img-classification":
        raise UserError(f"data set {spec.name} is for {plan.task.name}; take one of images")
    raw: Any = spec.sample_shape
    shape: Any = Pipeline(plan.transform_source, spec.mean, spec.std).sample_shape(raw)
    return Wish(shape=shape, classes=spec.outputs[0], dataset=spec.name, accuracy=accuracy)


def compare(
    comparison: Comparison,
    plan: Plan,
    known: frozenset[str],
    engine: Engine,
    out: Path,
    *,
    on_progress: OnProgress | None = None,
) -> dict[str, Any]:
    """Ask every arm, judge what it wrote, and write the report.

    Written are `replies.jsonl` (what a killed comparison goes on from), a folder for each arm
    with its networks, `report.json` and `report.md`.

    Args:
        comparison: What.
        plan: The data set that networks are to work on.
        known: Digests that are not new, see `novelty.corpus_digests`.
        engine: Entered; where networks are screened.
        out: Folder to write.
        on_progress: Called with a line for people who wait.

    Returns:
        What `report.json` holds.
    """
    say = on_progress or (lambda text: None)
    wish = wish_for(plan, comparison.accuracy)
    seeds = range(comparison.seed, comparison.seed + comparison.count)
    out.mkdir(parents=True, exist_ok=True)
    found = {}
    for arm in comparison.arms:
        say(f"{arm.name}: asking for {len(seeds)} networks")
        backend = comparison.backend(arm)
        with closing(backend):
            found[arm] = answers(arm, backend, wish, seeds, out / "replies.jsonl", say)
    judged = {}
    for arm, replies in found.items():
        say(f"{arm.name}: screening")
        judged[arm] = list(judge(arm, replies, known, plan, engine))
        write_judged(judged[arm], out / arm.name)
    report = _report(comparison, plan, wish, judged)
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    (out / "report.md").write_text(_markdown(report), "utf-8")
    return report


def _report(
    comparison: Comparison, plan: Plan, wish: Wish, judged: Mapping[Arm, Sequence[Judged]]
) -> dict[str, Any]:
    arms = {arm.name: summary(each) for arm, each in judged.items()}
    differences = {}
    for arm, after in judged.items():
        if arm.adapter is None:
            continue
        before = next((each for each in judged if _pairs(each, arm)), None)
        if before is not None:
            pair = zip(funnel(judged[before]), funnel(after), strict=True)
            differences[arm.name] = {
                old.stage: difference(old, new) for old, new in pair if old.stage != "asked"
            }
    return {
        "model": comparison.model,
        "adapter": str(comparison.adapter),
        "dataset": plan.spec.name,
        "shape": list(wish.shape),
        "prompt": wish.prompt(),
        "seed": comparison.seed,
        "arms": arms,
        "differences": differences,
    }


def _pairs(before: Arm, after: Arm) -> bool:
    return before.adapter is None and before.way == after.way and before.sampling == after.sampling


def _markdown(report: Mapping[str, Any]) -> str:
    lines = [
        "# Before and after fine-tuning",
        "",
        f"Prompt: {report['prompt']}",
        "",
        f"Screened at {'x'.join(map(str, report['shape']))} ({report['dataset']}). Shares with "
        "their 95% Wilson intervals; new: its canonical digest is neither in the corpus nor among "
        "the earlier candidates of the arm.",
        "",
        "| arm | " + " | ".join(STAGES) + " | structures | tokens/s |",
        "| --- |" + " --: |" * (len(STAGES) + 2),
    ]
    for name, arm in report["arms"].items():
        cells = [_cell(stage) for stage in arm["stages"]]
        speed = arm["tokens"] / arm["seconds"] if arm["seconds"] else 0.0
        lines.append(f"| {name} | {' | '.join(cells)} | {arm['structures']} | {speed:.0f} |")
    lines += ["", "What refused them, and what was there before:", ""]
    for name, arm in report["arms"].items():
        found = [f"{key} {value}" for key, value in arm["verdicts"].items()]
        found += [f"repeats the {key} {value}" for key, value in arm["repeats"].items()]
        lines.append(f"- {name}: {', '.join(found)}")
    for name, stages in report["differences"].items():
        gap, low, high = stages["new and ok"]
        lines += ["", f"{name}: new and ok {gap:+.1%} against untouched ({low:+.1%}..{high:+.1%})"]
    return "\n".join(lines) + "\n"


def _cell(stage: Mapping[str, Any]) -> str:
    if stage["stage"] == "asked":
        return str(stage["n"])
    low, high = stage["low"], stage["high"]
    return f"{stage['count']} ({stage['share']:.0%}, {low:.0%}..{high:.0%})"
