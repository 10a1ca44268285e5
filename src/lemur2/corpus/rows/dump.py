"""What two runs of the same seed must have in common, as plain data."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lemur2.corpus.db import codec
from lemur2.corpus.db.schema import (
    architectures,
    device_runs,
    environments,
    epochs,
    lineage,
    sources,
    transforms,
)
from lemur2.corpus.db.schema import trials as trial_table
from lemur2.corpus.records import Facts, TrialResult
from lemur2.corpus.rows import ledger, trials
from lemur2.corpus.rows.entries import Attempt, Run, Trial


def content(connection: Connection) -> dict[str, list[Any]]:
    """Everything but ids, times, memory and machines, sorted, JSON-able."""
    run_list = ledger.find(connection)
    attempts = {run.id: ledger.list_attempts(connection, run.id) for run in run_list}
    return {
        "architectures": _architectures(connection),
        "transforms": _transforms(connection),
        "lineage": _lineage(connection),
        "device_runs": _device_runs(connection),
        "runs": [_run(run, attempts[run.id]) for run in run_list],
        "trials": _sorted(_trial(trial) for trial in trials.find(connection)),
        "imported_trials": _imported_trials(connection),
    }


def _sorted(items: Any) -> list[Any]:
    return sorted(items, key=codec.to_json)


def _architectures(connection: Connection) -> list[Any]:
    query = sa.select(architectures, sources.c.sha256).join(
        sources, sources.c.id == architectures.c.source_id
    )
    return _sorted(
        {
            "name": row["name"],
            "family": row["family"],
            "digest": row["digest"],
            "source": row["sha256"],
            "hyperparameters": codec.from_json(row["hyperparameters"]),
            "facts": _facts(codec.facts_from_columns(row)),
            **{name: row[name] for name in ("prefix", "flagged", "legacy_name")},
            "imported": row["import_id"] is not None,
        }
        for row in connection.execute(query).mappings()
    )


def _transforms(connection: Connection) -> list[Any]:
    query = sa.select(transforms.c.name, sources.c.sha256).join(
        sources, sources.c.id == transforms.c.source_id
    )
    return _sorted(list(row) for row in connection.execute(query))


def _lineage(connection: Connection) -> list[Any]:
    query = sa.select(architectures.c.name, lineage.c.parent).join(
        lineage, lineage.c.child_id == architectures.c.id
    )
    return _sorted(list(row) for row in connection.execute(query))


def _device_runs(connection: Connection) -> list[Any]:
    left_out = ("id", "architecture_id", "environment_id", "import_id", "fingerprint")
    columns = [column for column in device_runs.columns if column.name not in left_out]
    query = (
        sa.select(architectures.c.name, environments.c.content, *columns)
        .join(architectures, architectures.c.id == device_runs.c.architecture_id)
        .join(environments, environments.c.id == device_runs.c.environment_id)
    )
    return _sorted(list(row) for row in connection.execute(query))


def _imported_trials(connection: Connection) -> list[Any]:
    """What only imported trials have; the rest of them is among the trials."""
    query = (
        sa.select(
            architectures.c.name,
            trial_table.c.uid,
            trial_table.c.flagged,
            epochs.c.epoch,
            epochs.c.score,
            epochs.c.seconds,
            epochs.c.elapsed,
        )
        .join(architectures, architectures.c.id == trial_table.c.architecture_id)
        .join(epochs, epochs.c.trial_id == trial_table.c.id)
        .where(trial_table.c.import_id.is_not(None))
    )
    return _sorted(list(row) for row in connection.execute(query))


def _facts(facts: Facts | None) -> dict[str, Any] | None:
    if facts is None:
        return None
    return {
        "input_size": facts.input_size,
        "sample_shape": facts.sample_shape,
        "outputs": facts.outputs,
        "parameters": facts.parameters,
        "flops": facts.flops,
        "structure_digest": facts.structure_digest,
        "notes": facts.notes,
    }


def _run(run: Run, attempts: list[Attempt]) -> dict[str, Any]:
    return {
        "verb": run.verb,
        "generator": run.generator,
        "config": run.config,
        "seed": run.seed,
        "protocol": run.protocol,
        "total": run.total,
        "status": run.status,
        "told": run.told,
        "state": run.state,
        "attempts": [_attempt(attempt) for attempt in attempts],
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    candidate, outcome = attempt.candidate, attempt.outcome
    found = None
    if outcome is not None:
        found = {
            "verdict": outcome.verdict.value,
            "reason": outcome.reason,
            "duplicate_of": outcome.duplicate_of,
            "facts": _facts(outcome.facts),
            "trial": outcome.trial and _result(outcome.trial),
        }
    return {
        "index": attempt.index,
        "kind": candidate.kind,
        "name": attempt.name,
        "digest": attempt.digest,
        "generator": candidate.generator,
        "source": codec.sha256(codec.encode_text(candidate.source)),
        "parents": candidate.parents,
        "parameters": candidate.parameters,
        "prompt": candidate.prompt,
        "training": candidate.training,
        "outcome": found,
    }


def _trial(trial: Trial) -> dict[str, Any]:
    return {"architecture": trial.architecture, **_result(trial.result)}


def _result(result: TrialResult) -> dict[str, Any]:
    prm = result.hyperparameters
    return {
        "task": result.task,
        "dataset": result.dataset,
        "metric": result.metric,
        "transform": result.transform,
        "hyperparameters": {name: prm[name] for name in sorted(prm)},
        "seed": result.seed,
        "verdict": result.verdict.value,
        "reason": result.reason,
        "epochs": [
            (epoch.epoch, codec.number(epoch.score), epoch.loss, epoch.diagnostics)
            for epoch in result.epochs
        ],
        "test_score": result.test_score,
    }
