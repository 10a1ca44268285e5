"""How often mutation of real networks works: `python benchmarks/mutation.py [CORPUS.db] -n 60`.

A sample of networks that screened ok, so many of each family, seeded. From each: six attempts at
random kinds. Prints shares per family and per kind beside the peer's, and every failure reason.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lemur2.architecture import Refusal, zoo_names, zoo_source
from lemur2.corpus import Corpus
from lemur2.evaluation.engines import LocalEngine
from lemur2.generators.mutation import KINDS, Workshop
from lemur2.tasks import task

GROUPS = {
    "base": "",
    "alt": "alt",
    "ga": "ga",
    "FractalNet": "FractalNet",
    "rag": "rag",
    "ast": "ast",
}
ATTEMPTS = 6


def group(family: str) -> str:
    """Which row of the table a family counts to."""
    for name in ("alt", "ga", "FractalNet", "rag", "ast", "rl"):
        if family == name or family.startswith(f"{name}-"):
            return name
    return "base"


def sample(path: str, count: int, seed: int) -> list[tuple[str, str]]:
    """(name, group) of networks that screened ok, groups in equal shares."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        rows = connection.execute(
            "select name, family from architectures where input_size is not null "
            "and sample_shape like '%,%,%' order by name"  # channels, height, width: images
        ).fetchall()
    by_group = defaultdict(list)
    for name, family in rows:
        by_group[group(family)].append(name)
    rng = random.Random(seed)
    for names in by_group.values():
        rng.shuffle(names)
    turns = [
        (names[turn], kind)
        for turn in range(count)
        for kind, names in sorted(by_group.items())
        if kind in GROUPS and turn < len(names)
    ]
    return turns[:count]


def sources(arguments: argparse.Namespace) -> Iterator[tuple[str, str, str]]:
    """(name, group, source) of what is mutated."""
    if arguments.corpus is None:
        names = zoo_names("img-classification")
        random.Random(arguments.seed).shuffle(names)
        yield from ((name, "base", zoo_source(name)) for name in names[: arguments.n])
        return
    with Corpus.open(arguments.corpus, read_only=True) as corpus:
        chosen = sample(arguments.corpus, arguments.n, arguments.seed)
        for name, family in chosen[arguments.first :]:
            yield name, family, corpus.source(name) or ""


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", nargs="?", help="with screened networks; the zoo by default")
    parser.add_argument("-n", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    kinds = arguments.kinds.split(",")
    with LocalEngine(workers=1) as engine:
        workshop = Workshop(engine, task("img-classification"))
        rows = []
        for name, family, source in sources(arguments):
            row = measure(workshop, name, family, source, kinds, arguments)
            rows.append(row)
            print(json.dumps(row), flush=True)
    report(rows)


def measure(
    workshop: Workshop,
    name: str,
    family: str,
    source: str,
    kinds: list[str],
    arguments: argparse.Namespace,
) -> dict[str, Any]:
    """Six attempts at one network."""
    row: dict[str, Any] = {"name": name, "group": family, "attempts": [], "refused": {}}
    started = time.monotonic()
    try:
        subject = workshop.open(source)
    except Refusal as refusal:
        return {**row, "untraced": f"{refusal.verdict}: {refusal}"}
    row["unknown"] = dict(subject.planner.parent.trace.unknown)
    row["trace"] = round(time.monotonic() - started, 2)
    rng = random.Random(f"{arguments.seed}/{name}")
    for number in range(ATTEMPTS):
        order = rng.sample(kinds, len(kinds))
        attempt = workshop.attempt(subject, rng, order)
        if attempt is None:
            break
        row["attempts"].append([attempt.plan.kind, attempt.verified.problem, attempt.plan.says])
        if attempt.valid and arguments.out:
            arguments.out.mkdir(parents=True, exist_ok=True)
            (arguments.out / f"{name}-{number}.py").write_text(attempt.source, encoding="utf-8")
    row["seconds"] = round(time.monotonic() - started, 2)
    row["refused"] = {f"{k}: {r}": c for (k, r), c in subject.planner.refused.items()}
    return row


def tally(rows: list[dict]) -> tuple[dict[str, Counter], Counter]:
    """Attempts of each kind, and why attempts and networks failed."""
    per_kind: dict[str, Counter] = defaultdict(Counter)
    reasons: Counter = Counter()
    for row in rows:
        if "untraced" in row:
            reasons[f"untraced, {row['untraced'][:100]}"] += 1
        for kind, problem, _ in row["attempts"]:
            per_kind[kind]["valid" if not problem else "not"] += 1
            if problem:
                reasons[f"{kind}, {problem[:100]}"] += 1
    return per_kind, reasons


def report(rows: list[dict]) -> None:
    """Tables."""
    print("\ngroup       networks  with a valid mutant   attempts valid")
    for kind in [*GROUPS, "all"]:
        own = [row for row in rows if kind in (row["group"], "all")]
        tries = [each for row in own for each in row["attempts"]]
        valid = sum(not problem for _, problem, _ in tries)
        with_one = sum(any(not problem for _, problem, _ in row["attempts"]) for row in own)
        if own:
            share = valid / max(1, len(tries))
            print(
                f"{kind:11} {len(own):8}  {with_one:8} ({with_one / len(own):4.0%})"
                f"      {valid:5} of {len(tries):4} ({share:4.0%})"
            )
    print("peer              38        18 ( 47%)         35 of  208 ( 17%)")
    per_kind, reasons = tally(rows)
    for kind, counts in sorted(per_kind.items()):
        print(f"{kind:14} {counts['valid']:4} of {counts.total():4}")
    for reason, count in reasons.most_common():
        print(f"{count:4}  {reason}")
    refused: Counter = Counter()
    for row in rows:
        refused.update(row["refused"])
    for reason, count in refused.most_common(40):
        print(f"{count:6}  not planned: {reason}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"CPU seconds of workers: {used.ru_utime + used.ru_stime:.1f}")


if __name__ == "__main__":
    main()
