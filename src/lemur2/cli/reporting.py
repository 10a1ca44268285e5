"""What a person sees while a run goes on: a line per candidate, the best so far, the time left."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import click

from lemur2.architecture import Verdict
from lemur2.cli.output import cut, emit_json, print_table, say, width
from lemur2.cli.progress import Progress, duration
from lemur2.cli.text import printable
from lemur2.corpus import Corpus, Outcome, Run
from lemur2.corpus.query.attempted import Attempted, attempted
from lemur2.corpus.repeats import said
from lemur2.loop import Progress as Step

_NAME_WIDTH = 44
_LEAST_NAME = 16  # where lines are short
_LONGEST_REASON = 120


class RunReporter:
    """Prints a run's progress: a line per candidate, or JSON, and a status line meanwhile.

    A context manager; its instance is the loop's `on_progress`.

    Args:
        label: What the status line is called.
        as_json: One JSON object per candidate instead.
        total: Candidates of the run; 0 where it is not known.
        done: Of them recorded before.
    """

    def __init__(self, label: str, *, as_json: bool = False, total: int = 0, done: int = 0) -> None:
        self.label = label
        self.as_json = as_json
        self._started = time.monotonic()
        self._first: int | None = None
        self.progress = Progress()
        self._standing, self._best = (done, total), ""

    def __enter__(self) -> RunReporter:
        self.progress.show(self.label, *self._standing)
        return self

    def __exit__(self, *error: object) -> None:
        self.progress.close()

    def busy(self, text: str) -> None:
        """Show what the generator is busy with; from any thread."""
        note = ", ".join(part for part in (self._best, text) if part)
        self.progress.show(self.label, *self._standing, note)

    def __call__(self, step: Step) -> None:
        """Report one candidate."""
        outcome = step.outcome
        if self._first is None:
            self._first = step.recorded - 1
        if self.as_json:
            emit_json(outcome_json(outcome, step.index))
            return
        self._print(step)
        self._standing, self._best = (step.recorded, step.total), _best(step)
        self.progress.show(self.label, *self._standing, self._best)

    def _print(self, step: Step) -> None:
        """The line of a candidate; where nothing limits it, with what the status line says."""
        room = width()
        line = _line(step, room and min(_NAME_WIDTH, max(_LEAST_NAME, room // 2 - 10)))
        left = self._time_left(step)
        note = ", ".join(part for part in (_best(step), f"{left} left" if left else "") if part)
        if room is None and note:
            line += f"  [{note}]"
        self.progress.clear()
        verdict = step.outcome.verdict
        before, found, after = cut(line, room).partition(f"  {verdict.value} ")
        click.echo(before + click.style(found, fg=_colour(verdict)) + after)

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
        "score": outcome.score,
        "parameters": facts.parameters if facts else None,
        "flops": facts.flops if facts else None,
        "seconds": round(outcome.seconds, 3),
    }


def count(number: int | None) -> str:
    """A large number, short: 1.2 M."""
    if number is None:
        return "?"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return str(number)


def _best(step: Step) -> str:
    best = step.best
    return f"best {best.score:.4f}" if best is not None and best.score is not None else ""


def _line(step: Step, name_width: int | None) -> str:
    outcome, digits = step.outcome, len(str(step.total))
    name = f"{cut(printable(outcome.name), name_width):<{name_width or _NAME_WIDTH}}"
    place = f"{step.recorded:>{digits}}/{step.total}"
    return f"{place}  {name}  {outcome.verdict.value:<9}  {_findings(outcome)}"


def _findings(outcome: Outcome) -> str:
    if outcome.verdict is not Verdict.OK:
        return " ".join(printable(outcome.reason).split())
    size = f"{count(outcome.facts.parameters)} parameters" if outcome.facts else ""
    score = "not trained"
    if outcome.trial is not None and outcome.score is not None:
        score = f"{outcome.trial.metric} {outcome.score:.4f}"
    return f"{score}  {size}  {outcome.seconds:.1f} s"


def _colour(verdict: Verdict) -> str:
    return {"ok": "green", "duplicate": "yellow"}.get(verdict.value, "red")


def summary(corpus: Corpus, run: int | None = None) -> None:
    """Print the funnel, of a run or of all, and where to look next."""
    untrained, skipped = corpus.untrained(run), corpus.skipped(run)
    for generator, stages in corpus.funnel(run).items():
        rows = [
            (each.stage, each.count, f"{each.share:.1%}", f"{each.low:.1%} to {each.high:.1%}")
            for each in stages
        ]
        say(f"\n{generator}: how far candidates got")
        columns = ("stage", "count", "of asked", "95% interval")
        print_table(columns, rows, right=columns[1:])
        if generator in untrained:
            say(f"{untrained[generator]} passed screening and were not to be trained")
        for rule, number in skipped.get(generator, Counter()).most_common():
            say(f"{number} {rule}: skipped as duplicates")
    following = "`lemur2 data --best --sort`, `lemur2 show NAME`"
    say(f"\ncorpus: {corpus.database.place}   next: {following}")


def without_effect(corpus: Corpus, run: int, given: Mapping[str, Any]) -> dict[str, str]:
    """Hyperparameters that a run was given and no network was trained with, and why.

    Empty where nothing was trained.
    """
    trained = [each.trial for each in corpus.outcomes(run).values() if each.trial]
    found = {}
    for name, value in given.items() if trained else ():
        used = [each.hyperparameters[name] for each in trained if name in each.hyperparameters]
        if not used:
            found[name] = "no network that was trained declares it"
        elif value not in used:
            found[name] = "every candidate brings its own"
    return found


def say_idle(corpus: Corpus, run: int, *, as_json: bool) -> None:
    """Say so, and why, where a run trained nothing that it was to train (or screened nothing)."""
    stored, found = corpus.run(run), attempted(corpus, run=run)
    only_screens = stored.config["settings"]["max_flops"] == 0
    good = [each for each in found if each.verdict is Verdict.OK]
    if not found or any(each.trained or only_screens for each in good):
        return
    reasons: dict[str, Counter[str]] = {}
    for each in found:
        reasons.setdefault(_cause(each), Counter())[cut(each.reason, _LONGEST_REASON)] += 1
    parts = []
    for cause, texts in sorted(reasons.items(), key=lambda item: -item[1].total()):
        most = f" ({texts.most_common(1)[0][0]})" if cause.startswith("ended") else ""
        parts.append(f"{texts.total()} of {len(found)} {cause}{most}")
    what = "screened" if only_screens else "trained"
    say(f"nothing was {what}: {', '.join(parts)}; {_way_on(stored, found)}", err=as_json)


def _cause(attempt: Attempted) -> str:
    if attempt.verdict is Verdict.DUPLICATE:
        return said(attempt.reason)
    if attempt.verdict is Verdict.OK:
        return "passed screening and were not to be trained"
    return f"ended in `{attempt.verdict}`"


def _way_on(run: Run, found: Sequence[Attempted]) -> str:
    if any(each.verdict is not Verdict.DUPLICATE for each in found):
        return f"`lemur2 runs show {run.id}` lists them"
    if run.config["settings"]["max_flops"] == 0:
        return "without --screen-only they are trained, where they were not"
    return (
        "change --seed, --epochs or the data set, or see what there is with "
        f"`lemur2 data --dataset {run.protocol['dataset']}`"
    )


def leaderboard(corpus: Corpus, dataset: str, limit: int = 10) -> None:
    """Print the best networks on a data set."""
    from lemur2.corpus.query.table import leaderboard as best_networks

    places = best_networks(corpus, dataset, limit)
    rows = []
    for place in places:
        stored = corpus.architecture(place.nn)
        facts = stored.facts if stored else None
        size, flops = (facts.parameters, facts.flops) if facts else (None, None)
        score = f"{place.accuracy:.4f}"
        rows.append((place.rank, place.nn, score, place.epoch, count(size), count(flops)))
    metric = places[0].metric if places else "score"
    say(f"\nthe best on {dataset}")
    columns = ("", "name", metric, "epoch", "parameters", "FLOPs")
    numbers = ("", metric, "epoch", "parameters", "FLOPs")
    print_table(columns, rows, right=numbers, first=("name", metric, ""))
