"""The job that tries a block of the library: how far does it get, and with what?"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from lemur2.architecture import Refusal, Verdict
from lemur2.evaluation import reading
from lemur2.evaluation.examples import SMALL_BLOCK
from lemur2.evaluation.jobs.base import Bench, Job, Place, give, on
from lemur2.evaluation.jobs.installed import Installed
from lemur2.retrieval.library.stages import Stage
from lemur2.retrieval.library.validation import Validation
from lemur2.sandbox import Awaited, Sandbox
from lemur2.sandbox.awaited import MIB

# What refused a block that got so far, and no further.
_VERDICTS = {
    **dict.fromkeys(Stage, Verdict.CONTRACT),
    Stage.CLOSED: Verdict.IMPORT,
    Stage.IMPORTED: Verdict.BUILD,
    Stage.MODULE: Verdict.BUILD,
    Stage.BUILT: Verdict.SHAPE,
    Stage.FORWARD: Verdict.BACKWARD,
    Stage.BACKWARD: Verdict.OK,
}
_EXPRESSION = 50_000  # characters of an argument of a block: a configuration may be long


@dataclass(frozen=True, kw_only=True)
class TryBlock(Job[Validation]):
    """Imports a block, finds arguments and inputs for it, and runs it.

    A process that dies or takes too long is a reason like any other: no refusal is raised.

    Attributes:
        source: The module that stands alone.
        target: The class in it.
        configurations: Values of configuration objects that it may want, likelier ones first.
        calls: Arguments that its origin constructs it with, texts by parameter.
        search_seconds: CPU time after which arguments and inputs are looked for no longer.
        wall_seconds: After which its process is ended.
        installed: What is installed here.
    """

    name: ClassVar[str] = "block"

    source: str
    target: str
    configurations: tuple[Mapping[str, Any], ...] = ()
    calls: tuple[Mapping[str, str], ...] = ()
    search_seconds: float = 3.0
    wall_seconds: float = 30.0
    installed: Installed = field(default_factory=Installed.here)

    @classmethod
    def example(cls, top: str = "") -> Self:
        """See `Job.example`."""
        return cls(source=top + SMALL_BLOCK, target="Block", wall_seconds=10.0)

    def verdict(self, report: Validation) -> Verdict:
        """See `Job.verdict`: of a process that ended, why, else by the stage that was reached."""
        first = report.reason.partition(":")[0]
        return Verdict(first) if first in set(Verdict) else _VERDICTS[report.stage]

    def do(self, place: Place, listener: Any = None) -> Validation:
        """See `Job.do`."""
        return on(place, self._followed)

    def _followed(self, sandbox: Sandbox) -> Validation:
        awaited = Awaited(json=8 * MIB, verdicts=reading.LOADED, lines=reading.lines(self.source))
        started = time.monotonic()
        deadline = started + self.wall_seconds
        reached = Validation(stage=Stage.CLOSED)
        try:
            with sandbox.worker() as worker:
                give(self, worker, sandbox, deadline)
                while True:
                    reply, _ = worker.receive(deadline=deadline, awaited=awaited)
                    reached = read_validation(reply, time.monotonic() - started)
                    if "stage" not in reply:
                        return reached
        except Refusal as refusal:
            return Validation(stage=reached.stage, reason=f"{refusal.verdict}: {refusal}")

    def work(self, bench: Bench) -> None:
        """Try it; every stage is sent when it is reached, and all that was found at last."""
        from lemur2.evaluation.blocks import configurations
        from lemur2.evaluation.blocks.arguments import Hints
        from lemur2.evaluation.blocks.trial import try_block

        def on_stage(stage: Stage) -> None:
            bench.channel.send({"stage": stage.value})

        configurations.look_installed(self.installed.versions, self.installed.providers)
        hints = Hints(calls=list(self.calls), configs=list(self.configurations))
        found = try_block(self.source, self.target, hints, self.search_seconds, on_stage)
        bench.channel.send({"block": found})

    @classmethod
    def warm_up(cls) -> None:
        """Import what tries blocks."""
        from lemur2.evaluation.blocks import configurations, trial  # noqa: F401


def read_validation(reply: Mapping[str, Any], seconds: float) -> Validation:
    """How far a block got: a stage on the way, or all that was found. Raises Refusal."""
    with reading.readable():
        if "stage" in reply:
            return Validation(stage=Stage(reply["stage"]))
        raw = reply["block"]
        shapes, kinds = reading.few(raw.get("shapes", {})), reading.few(raw.get("kinds", {}))
        return Validation(
            stage=Stage(raw["stage"]),
            reason=reading.one_line(raw["reason"]),
            arguments=_expressions(raw["arguments"]),
            inputs=_expressions(raw["inputs"]),
            shapes={reading.argument(n): reading.shape(s) for n, s in shapes.items()},
            kinds={reading.argument(n): reading.one_line(k) for n, k in kinds.items()},
            outputs=tuple(map(reading.shape, reading.few(raw.get("outputs", [])))),
            returns=reading.one_line(raw.get("returns", "")),
            parameters=_optional(raw, "parameters"),
            flops=_optional(raw, "flops"),
            batched=bool(raw.get("batched", False)),
            seconds=seconds,
        )


def _optional(raw: Mapping[str, Any], name: str) -> int | None:
    return None if raw.get(name) is None else reading.count(raw[name])


def _expressions(raw: Any) -> dict[str, str] | None:
    """Texts of expressions by the parameter that they are for."""
    if raw is None:
        return None
    return {reading.argument(name): _expression(text) for name, text in reading.few(raw).items()}


def _expression(text: Any) -> str:
    if not isinstance(text, str) or len(text) > _EXPRESSION or not text.isprintable():
        raise ValueError("no expression")
    return text
