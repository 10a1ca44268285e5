"""Rows of runs and attempts. Functions on an open transaction."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lemur2 import __version__
from lemur2.architecture import Architecture, Candidate, Refusal, Verdict, family
from lemur2.corpus.db import codec
from lemur2.corpus.db.schema import attempts, environments, runs, sources
from lemur2.corpus.db.schema import trials as trial_table
from lemur2.corpus.records import Outcome, TrialResult
from lemur2.corpus.rows import architectures, trials
from lemur2.corpus.rows.entries import Attempt, Run, Status
from lemur2.errors import UserError


def start(
    connection: Connection,
    *,
    verb: str,
    generator: str,
    config: Mapping[str, Any],
    seed: int,
    protocol: Mapping[str, Any],
    limits: Mapping[str, Any],
    total: int | None,
    environment: Mapping[str, Any],
) -> int:
    """A new run; its id."""
    now = time.time()
    inserted = connection.execute(
        sa.insert(runs).values(
            verb=verb,
            generator=generator,
            config=codec.to_json(config),
            seed=seed,
            protocol=codec.to_json(protocol),
            limits=codec.to_json(limits),
            total=total,
            status="running",
            told=0,
            environment_id=architectures.ensure_environment(connection, environment),
            version=__version__,
            created=now,
            updated=now,
        )
    ).inserted_primary_key
    assert inserted is not None
    return inserted[0]


def update(connection: Connection, run_id: int, **values: Any) -> None:
    """Change a run's row."""
    changed = connection.execute(
        sa.update(runs).where(runs.c.id == run_id).values(updated=time.time(), **values)
    )
    if not changed.rowcount:
        raise UserError(f"there is no run {run_id}; `lemur2 runs` lists them")


def find(connection: Connection, *where: sa.ColumnElement[bool]) -> list[Run]:
    """Runs, the oldest first."""
    asked = sa.select(
        attempts.c.run_id,
        sa.func.count().label("asked"),
        sa.func.count(attempts.c.verdict).label("done"),
    ).group_by(attempts.c.run_id)
    counts = asked.subquery()
    trained = (
        sa.select(sa.func.count())
        .where(trial_table.c.run_id == runs.c.id, trial_table.c.verdict.is_not(None))
        .scalar_subquery()
    )
    query = (
        sa.select(
            runs,
            environments.c.content.label("environment"),
            counts.c.asked,
            counts.c.done,
            sa.case((runs.c.verb == "train", trained)).label("trained"),
        )
        .join(environments, environments.c.id == runs.c.environment_id)
        .outerjoin(counts, counts.c.run_id == runs.c.id)
        .where(*where)
        .order_by(runs.c.id)
    )
    return [_run(row) for row in connection.execute(query).mappings()]


def by_id(run_id: int) -> sa.ColumnElement[bool]:
    """Condition: this run."""
    return runs.c.id == run_id


def _run(row: RowMapping) -> Run:
    status: Status = row["status"]
    return Run(
        id=row["id"],
        verb=row["verb"],
        generator=row["generator"],
        config=codec.from_json(row["config"]),
        seed=row["seed"],
        protocol=codec.from_json(row["protocol"]),
        limits=codec.from_json(row["limits"]),
        total=row["total"],
        status=status,
        asked=row["asked"] or 0,
        told=row["told"],
        done=_done(row),
        state=codec.from_json(row["state"]),
        environment=codec.from_json(row["environment"]),
        version=row["version"],
        created=row["created"],
        updated=row["updated"],
        reason=row["reason"] or "",
    )


def _done(row: RowMapping) -> int:
    """Attempts with a verdict; in a run of `train` its trials, the champion's second one apart."""
    done: int = row["done"] or 0
    if row["trained"] is None:
        return done
    trained = row["trained"] if row["total"] is None else min(row["trained"], row["total"])
    return max(done, trained)


def ask(connection: Connection, run_id: int, asked: Sequence[tuple[Candidate, str, str]]) -> range:
    """Store candidates as pending attempts, after those that are there; their indices."""
    count = sa.select(sa.func.count()).select_from(attempts).where(attempts.c.run_id == run_id)
    first = connection.execute(count).scalar_one()
    rows = [
        _attempt_row(connection, run_id, first + offset, *item) for offset, item in enumerate(asked)
    ]
    if rows:
        connection.execute(sa.insert(attempts), rows)
    return range(first, first + len(rows))


def _attempt_row(
    connection: Connection, run_id: int, index: int, candidate: Candidate, name: str, digest: str
) -> dict[str, Any]:
    prompt = candidate.prompt
    return {
        "run_id": run_id,
        "index": index,
        "kind": candidate.kind,
        "source_id": architectures.ensure_source(connection, candidate.source),
        "generator": candidate.generator,
        "prefix": candidate.prefix,
        "given_name": candidate.name,
        "name": name,
        "digest": digest,
        "parents": codec.to_json(candidate.parents),
        "parameters": codec.to_json(candidate.parameters),
        "training": codec.to_json(candidate.training) if candidate.training else None,
        "prompt_id": None if prompt is None else architectures.ensure_source(connection, prompt),
        "reason": "",
        "seconds": 0.0,
    }


def hear(connection: Connection, run_id: int, index: int, told: int) -> None:
    """Store that an attempt's outcome was the `told`-th that the generator heard, from 0."""
    where = (attempts.c.run_id == run_id) & (attempts.c.index == index)
    connection.execute(sa.update(attempts).where(where).values(told=told))


def record(
    connection: Connection,
    run_id: int,
    index: int,
    outcome: Outcome,
    *,
    rename: bool,
    trial_id: int | None,
) -> Outcome | None:
    """Store what became of an attempt: see `Corpus.record`."""
    where = (attempts.c.run_id == run_id) & (attempts.c.index == index)
    verdict = connection.execute(sa.select(attempts.c.verdict).where(where)).one_or_none()
    if verdict is None:
        raise ValueError(f"run {run_id} never asked for attempt {index}")
    if verdict[0] is not None:
        return None
    kin = family(outcome.name) or outcome.candidate.generator
    if rename and outcome.facts is not None and outcome.candidate.kind == "architecture":
        name = architectures.free_name(connection, outcome.name, outcome.digest)
        outcome = replace(outcome, name=name)
    facts = None if outcome.facts is None else codec.to_json(asdict(outcome.facts))
    stored = _record_findings(connection, run_id, outcome, kin, with_trial=trial_id is None)
    connection.execute(
        sa.update(attempts)
        .where(where)
        .values(
            name=outcome.name,
            verdict=outcome.verdict.value,
            reason=codec.plain(outcome.reason),
            seconds=outcome.seconds,
            duplicate_of=outcome.duplicate_of,
            facts=facts,
            trial_id=stored if trial_id is None else trial_id,
        )
    )
    return outcome


def _record_findings(
    connection: Connection, run_id: int, outcome: Outcome, kin: str, *, with_trial: bool
) -> int | None:
    """The architecture (or transform) that got through screening, its lineage, its trial."""
    candidate = outcome.candidate
    if candidate.kind == "transform":
        if outcome.verdict is Verdict.OK:
            architectures.ensure_transform(connection, outcome.name, candidate.source)
        return _record_transform_trial(connection, run_id, candidate, outcome.trial)
    if outcome.facts is None:
        return None
    architecture_id = architectures.add(
        connection,
        name=outcome.name,
        source=candidate.source,
        digest=outcome.digest,
        family=kin,
        hyperparameters=_declared(candidate.source),
        facts=outcome.facts,
        parents=candidate.parents,
    )
    if outcome.trial is None or not with_trial:
        return None
    return trials.record(connection, architecture_id, outcome.trial, run_id)


def _declared(source: str) -> frozenset[str] | None:
    """The hyperparameters that a network declares; None where reading does not tell."""
    try:
        return Architecture.parse(source).hyperparameters
    except Refusal:
        return None


def _record_transform_trial(
    connection: Connection, run_id: int, candidate: Candidate, trial: TrialResult | None
) -> int | None:
    """A transform is tried on a network of the corpus: the first of its parents."""
    if trial is None:
        return None
    network = architectures.identify(connection, candidate.parents[0])
    return trials.record(connection, network, trial, run_id)


def list_attempts(connection: Connection, run_id: int) -> list[Attempt]:
    """A run's attempts by index, the finished ones with their outcomes."""
    found = trials.find(connection, trials.of_attempts(run_id))
    results = {trial.id: trial.result for trial in found}
    prompts = sources.alias("prompts")
    query = (
        sa.select(attempts, sources.c.text, prompts.c.text.label("prompt"))
        .join(sources, sources.c.id == attempts.c.source_id)
        .outerjoin(prompts, prompts.c.id == attempts.c.prompt_id)
        .where(attempts.c.run_id == run_id)
        .order_by(attempts.c.index)
    )
    return [_attempt(row, results) for row in connection.execute(query).mappings()]


def _attempt(row: RowMapping, results: Mapping[int, TrialResult]) -> Attempt:
    candidate = Candidate(
        source=codec.decode_text(row["text"]),
        kind=row["kind"],
        generator=row["generator"],
        prefix=row["prefix"],
        name=row["given_name"],
        parents=tuple(codec.from_json(row["parents"])),
        parameters=codec.from_json(row["parameters"]),
        prompt=None if row["prompt"] is None else codec.decode_text(row["prompt"]),
        training=codec.from_json(row["training"]) or {},
    )
    outcome = None
    if row["verdict"] is not None:
        outcome = Outcome(
            candidate=candidate,
            name=row["name"],
            digest=row["digest"],
            verdict=Verdict(row["verdict"]),
            reason=row["reason"],
            facts=codec.facts_from_json(row["facts"]),
            trial=results.get(row["trial_id"]),
            duplicate_of=row["duplicate_of"],
            seconds=row["seconds"],
        )
    return Attempt(
        index=row["index"],
        candidate=candidate,
        name=row["name"],
        digest=row["digest"],
        outcome=outcome,
        told=row["told"],
    )
