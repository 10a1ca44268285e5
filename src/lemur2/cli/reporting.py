"""What a person sees while a run goes on: a line per candidate, the best so far, the time left."""

from __future__ import annotations

import sys
import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from lemur2.architecture import Verdict
from lemur2.cli.output import console, emit_json, table
from lemur2.cli.progress import StatusLine
from lemur2.cli.text import printable
from lemur2.corpus import Corpus, Outcome
from lemur2.loop import Progress as Step

_NAME_WIDTH = 44


class RunReporter:
    """Prints a run's progress: on a terminal with a bar, else as lines, or as JSON.

    A context manager; its instance is the loop's `on_progress`.

    Args:
        label: What the bar is called.
        as_json: One JSON object per candidate instead.
    """

    def __init__(self, label: str, *, as_json: bool = False) -> None:
        self.label = label
        self.as_json = as_json
        self._started = time.monotonic()
        self._first: int | None = None
        self._busy, self._best = StatusLine(), ""
        self._console: Console = console()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=self._console,
            disable=as_json or not sys.stdout.isatty(),
            transient=True,
        )
        self._task = self._bar.add_task(label, total=None, note="")

    def __enter__(self) -> RunReporter:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def busy(self, text: str) -> None:
        """Show what is being done where no candidate came yet; from any thread."""
        if self._bar.disable:
            self._busy.tell(text)
        else:
            note = ", ".join(part for part in (self._best, printable(text)) if part)
            self._bar.update(self._task, note=note)

    def __call__(self, step: Step) -> None:
        """Report one candidate."""
        outcome = step.outcome
        if self._first is None:
            self._first = step.recorded - 1
        if self.as_json:
            emit_json(outcome_json(outcome, step.index))
            return
        note = self._note(step)
        self._best = note
        self._busy.clear()
        self._bar.update(self._task, total=step.total, completed=step.recorded, note=note)
        line = _line(step)
        if self._bar.disable:
            line.append(f"  [{note}]", style="dim")
        self._console.print(line)

    def _note(self, step: Step) -> str:
        best = f"best {step.best.score:.4f}" if step.best and step.best.score is not None else ""
        left = self._time_left(step)
        return ", ".join(part for part in (best, f"{left} left" if left else "") if part)

    def _time_left(self, step: Step) -> str:
        done = step.recorded - (self._first or 0)
        remaining = step.total - step.recorded
        if not done or not remaining:
            return ""
        return duration((time.monotonic() - self._started) / done * remaining)


def outcome_json(outcome: Outcome, index: int) -> dict[str, Any]:
    """An outcome as scripts read it."""
    facts = outcome.facts
    return {
        "index": index,
        "name": outcome.name,
        "generator": outcome.candidate.generator,
        "verdict": outcome.verdict.value,
        "reason": outcome.reason,
        "accuracy": outcome.score,
        "parameters": facts.parameters if facts else None,
        "flops": facts.flops if facts else None,
        "seconds": round(outcome.seconds, 3),
    }


def duration(seconds: float) -> str:
    """Seconds as a person says them: 42 s, 7 min, 2 h 5 min."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def count(number: int | None) -> str:
    """A large number, short: 1.2 M."""
    if number is None:
        return "?"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return str(number)


def _line(step: Step) -> Text:
    outcome = step.outcome
    width = len(str(step.total))
    line = Text(f"{step.recorded:>{width}}/{step.total}  {_short(outcome.name):<{_NAME_WIDTH}}  ")
    line.append(f"{outcome.verdict.value:<9}", style=_style(outcome.verdict))
    line.append(f"  {_findings(outcome)}")
    return line


def _findings(outcome: Outcome) -> str:
    if outcome.verdict is not Verdict.OK:
        return printable(outcome.reason)[:100]
    size = f"{count(outcome.facts.parameters)} parameters" if outcome.facts else ""
    score = "not trained"
    if outcome.trial is not None and outcome.score is not None:
        score = f"{outcome.trial.metric} {outcome.score:.4f}"
    return f"{score}  {size}  {outcome.seconds:.1f} s"


def _short(name: str) -> str:
    name = printable(name)
    return name if len(name) <= _NAME_WIDTH else f"{name[: _NAME_WIDTH - 1]}…"


def _style(verdict: Verdict) -> str:
    return {"ok": "green", "duplicate": "yellow"}.get(verdict.value, "red")


def summary(corpus: Corpus, run: int | None = None) -> None:
    """Print the funnel, of a run or of all, and where to look next."""
    out = console()
    untrained = corpus.untrained(run)
    for generator, stages in corpus.funnel(run).items():
        rows = [
            (each.stage, each.count, f"{each.share:.1%}", f"{each.low:.1%} to {each.high:.1%}")
            for each in stages
        ]
        out.print(f"\n{generator}: how far candidates got")
        columns = ("stage", "count", "of asked", "95% interval")
        out.print(table(columns, rows, right=columns[1:]))
        if generator in untrained:
            out.print(f"{untrained[generator]} passed screening and were not to be trained")
    following = "`lemur2 data --best --sort`, `lemur2 show NAME`"
    out.print(f"\ncorpus: {corpus.database.place}   next: {following}")


def leaderboard(corpus: Corpus, dataset: str, limit: int = 10) -> None:
    """Print the best networks on a data set."""
    places = corpus.leaderboard(dataset, limit)
    rows = []
    for place in places:
        stored = corpus.architecture(place.nn)
        facts = stored.facts if stored else None
        size, flops = (facts.parameters, facts.flops) if facts else (None, None)
        score = f"{place.accuracy:.4f}"
        rows.append((place.rank, place.nn, score, place.epoch, count(size), count(flops)))
    metric = places[0].metric if places else "score"
    out = console()
    out.print(f"\nthe best on {dataset}")
    columns = ("", "nn", metric, "epoch", "parameters", "FLOPs")
    out.print(table(columns, rows, right=("", metric, "epoch", "parameters", "FLOPs")))
