"""The corpus: one object per open database, every method one transaction."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lemur2.architecture import Candidate, Verdict
from lemur2.corpus.artifacts import ArtifactStore, artifact_store
from lemur2.corpus.db import codec
from lemur2.corpus.db.claims import Claim, claimed, held
from lemur2.corpus.db.database import Database, locate
from lemur2.corpus.db.schema import architectures as architecture_table
from lemur2.corpus.db.schema import attempts as attempt_table
from lemur2.corpus.db.schema import trials as trial_table
from lemur2.corpus.funnel import Attempted, Stage, funnel
from lemur2.corpus.records import Artifact, Epoch, Facts, Outcome
from lemur2.corpus.repeats import said
from lemur2.corpus.rows import architectures, artifacts, dump, ledger, removal, trials, watermark
from lemur2.corpus.rows.artifacts import Kept
from lemur2.corpus.rows.entries import Attempt, Run, Status, StoredArchitecture, Trial
from lemur2.corpus.rows.removal import Removed
from lemur2.errors import UserError


class Corpus:
    """A database of networks, attempts and trials.

    Open one with `Corpus.open`, close it with `close` or a `with` block. Several may be open at
    once. Threads may share one; a single thread at a time should write. Every method is one
    transaction: after a crash or a kill it happened in whole or not at all. What the user can
    mend (a full disk, a locked file) raises UserError with one line.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def open(
        cls,
        url: str | Path | None = None,
        *,
        create: bool = False,
        read_only: bool = False,
        timeout: float = 30.0,
    ) -> Self:
        """Open a corpus.

        Args:
            url: A file, or an SQLAlchemy URL (`postgresql://user@host/name`); None takes
                `$LEMUR2_DB`, else `lemur2.db` in the working folder.
            create: Make it where there is none.
            read_only: Change nothing, not even an older version's tables.
            timeout: Seconds to wait while another process writes.

        Raises:
            UserError: It cannot be opened, or is not a corpus of a version that this code knows.
        """
        return cls(Database(locate(url), create=create, read_only=read_only, timeout=timeout))

    def close(self) -> None:
        """Close every connection."""
        self.database.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # -- architectures -------------------------------------------------------------------------

    def known(self, digest: str) -> str | None:
        """The architecture with this canonical digest, by name; None where there is none."""
        return self.known_many([digest]).get(digest)

    def known_many(self, digests: Iterable[str]) -> dict[str, str]:
        """Which of the canonical digests are there: digest -> name, the one stored first."""
        with self.database.read() as connection:
            return architectures.known(connection, list(digests))

    def add_architecture(
        self,
        *,
        name: str,
        source: str,
        digest: str,
        family: str | None = None,
        hyperparameters: Iterable[str] | None = None,
        facts: Facts | None = None,
        parents: Iterable[str] = (),
    ) -> None:
        """Add a network. Adding it again changes nothing, but gives it facts if it had none.

        Args:
            name: Unique in the corpus.
            source: Its text.
            digest: Its canonical digest.
            family: None takes what the name says (`architecture.family`).
            hyperparameters: Names that it declares; None where they were not read.
            facts: From screening.
            parents: Names of what it was made from, in the corpus or not.

        Raises:
            UserError: Another network (another canonical digest) has this name.
        """
        with self.database.write() as connection:
            architectures.add(
                connection,
                name=name,
                source=source,
                digest=digest,
                family=family,
                hyperparameters=hyperparameters,
                facts=facts,
                parents=parents,
            )

    def architecture(self, name: str) -> StoredArchitecture | None:
        """One architecture; None where there is none by this name."""
        with self.database.read() as connection:
            return architectures.get(connection, name)

    def names(self) -> list[str]:
        """The names of all architectures, sorted."""
        with self.database.read() as connection:
            return list(connection.scalars(sa.select(architecture_table.c.name).order_by("name")))

    def source(self, name: str) -> str | None:
        """An architecture's source text."""
        with self.database.read() as connection:
            return architectures.source(connection, name)

    def children(self, name: str) -> list[str]:
        """Names of the architectures made from this one."""
        with self.database.read() as connection:
            return architectures.children(connection, name)

    # -- runs and attempts ---------------------------------------------------------------------

    def start_run(
        self,
        *,
        verb: str,
        generator: str,
        config: Mapping[str, Any],
        seed: int,
        protocol: Mapping[str, Any],
        limits: Mapping[str, Any],
        total: int | None,
        environment: Mapping[str, Any],
        bounded: bool = False,
    ) -> int:
        """Open a run in the ledger; its number.

        Where it is `bounded`, its config gets the watermark of this moment, as `pool`: what it
        reads of the corpus is what there is now (`corpus.rows.watermark`).
        """
        with self.database.write() as connection:
            pool = {"pool": asdict(watermark.now(connection, writing=True))} if bounded else {}
            return ledger.start(
                connection,
                verb=verb,
                generator=generator,
                config={**config, **pool},
                seed=seed,
                protocol=protocol,
                limits=limits,
                total=total,
                environment=environment,
            )

    def run(self, run_id: int) -> Run:
        """One run.

        Raises:
            UserError: There is no such run.
        """
        with self.database.read() as connection:
            found = ledger.find(connection, ledger.by_id(run_id))
        if not found:
            raise UserError(f"there is no run {run_id}; `lemur2 runs` lists them")
        return found[0]

    def runs(self) -> list[Run]:
        """All runs, the oldest first."""
        with self.database.read() as connection:
            return ledger.find(connection)

    def set_run_status(self, run_id: int, status: Status, reason: str = "") -> None:
        """Say how a run stands: `running` again on resume, else how it ended, and why so."""
        with self.database.write() as connection:
            ledger.update(connection, run_id, status=status, reason=codec.plain(reason))

    def set_run_total(self, run_id: int, total: int) -> None:
        """Change how much a run is to do: one that is there already is to go on further."""
        with self.database.write() as connection:
            ledger.update(connection, run_id, total=total)

    def finish_run(self, run_id: int, status: Status = "finished", reason: str = "") -> None:
        """Close a run."""
        self.set_run_status(run_id, status, reason)

    def drop_empty_run(self, run_id: int) -> bool:
        """Delete a run in which nothing was asked or tried; whether it was such a one."""
        with self.database.write() as connection:
            return removal.remove_empty(connection, run_id)

    def remove_runs(self, run_ids: Collection[int]) -> Removed:
        """Delete runs with their attempts and trials, and the networks that nothing else needs.

        Raises:
            UserError: There is no such run, a process is at work on one, or a run that is not
                finished began when it was there, and rests on what it found.
        """
        with ExitStack() as claims:
            for run_id in sorted(set(run_ids)):
                claims.enter_context(self.claimed(self.run(run_id).id))
            with self.database.write() as connection:
                return removal.remove(connection, sorted(set(run_ids)))

    def claimed(self, run_id: int) -> AbstractContextManager[None]:
        """Hold a run for this process while the block lasts.

        Raises:
            UserError: (On entering) another process holds it.
        """
        refusal = f"another process is at work on run {run_id}; wait for it, or end it first"
        return claimed(self.database, Claim.of_run(run_id), refusal)

    def at_work(self, run_id: int) -> bool:
        """Whether a process holds a run now."""
        return held(self.database, Claim.of_run(run_id))

    def alone(self, command: str, refusal: str) -> AbstractContextManager[None]:
        """Keep other processes from this command while the block lasts.

        Raises:
            UserError: (On entering) another process is at it; with the text `refusal`.
        """
        return claimed(self.database, Claim.of_command(command), refusal)

    def standing(self, run: Run) -> Status:
        """How a run stands: as the ledger says, but `interrupted` where its process is gone."""
        gone = run.status == "running" and not self.at_work(run.id)
        return "interrupted" if gone else run.status

    def advance(
        self,
        run_id: int,
        *,
        told: int,
        state: Any,
        asked: Sequence[tuple[Candidate, str, str]] = (),
        heard: int | None = None,
    ) -> range:
        """One step of a run: outcomes were told, candidates were asked for.

        Args:
            run_id: The run.
            told: How many outcomes the generator was told so far, in all.
            state: The generator's state after both.
            asked: New candidates with name and canonical digest ("" where it does not parse);
                they become pending attempts, numbered on from those that are there.
            heard: Index of the attempt that was told last, where attempts are told as they
                finish; in the order of asking, `told` says it.

        Returns:
            The indices of the new attempts.
        """
        with self.database.write() as connection:
            if heard is not None:
                ledger.hear(connection, run_id, heard, told - 1)
            indices = ledger.ask(connection, run_id, asked)
            ledger.update(connection, run_id, told=told, state=codec.to_json(state))
            return indices

    def record(
        self,
        run_id: int,
        index: int,
        outcome: Outcome,
        *,
        rename: bool = False,
        trial_id: int | None = None,
    ) -> Outcome | None:
        """Store what became of an attempt.

        In one transaction: the verdict, and where screening let it through the architecture and
        its lineage, and where it was trained the trial with its epochs. A transform's trial is
        of the network that the candidate names as its first parent.

        Args:
            run_id: The run.
            index: The attempt's.
            outcome: What became of it.
            rename: Where another network in the corpus has its name, give it another one.
            trial_id: Where its trial is stored already; then the outcome's is not stored again.

        Returns:
            The outcome as it is stored; None where this attempt had a verdict already, and
            nothing was changed.

        Raises:
            UserError: Another network in the corpus has its name, and it is not to be renamed.
        """
        with self.database.write() as connection:
            return ledger.record(
                connection, run_id, index, outcome, rename=rename, trial_id=trial_id
            )

    def attempts(self, run_id: int) -> list[Attempt]:
        """A run's attempts in the order of asking; the pending ones without an outcome."""
        with self.database.read() as connection:
            return ledger.list_attempts(connection, run_id)

    def outcomes(self, run_id: int) -> dict[int, Outcome]:
        """A run's outcomes by index."""
        attempts = self.attempts(run_id)
        return {attempt.index: attempt.outcome for attempt in attempts if attempt.outcome}

    # -- trials --------------------------------------------------------------------------------

    def begin_trial(
        self,
        architecture: str,
        *,
        task: str,
        dataset: str,
        metric: str,
        transform: str,
        hyperparameters: Mapping[str, Any],
        seed: int,
        environment: Mapping[str, Any],
        transform_source: str = "",
        run_id: int | None = None,
    ) -> int:
        """Open a trial that will be written as it goes; its id.

        Raises:
            UserError: There is no such architecture.
        """
        with self.database.write() as connection:
            return trials.begin(
                connection,
                architecture_id=architectures.identify(connection, architecture),
                task=task,
                dataset=dataset,
                metric=metric,
                transform=transform,
                transform_source=transform_source,
                hyperparameters=hyperparameters,
                seed=seed,
                environment=environment,
                run_id=run_id,
            )

    def add_epoch(self, trial_id: int, epoch: Epoch) -> None:
        """Store an epoch of an open trial; the same epoch again replaces it."""
        with self.database.write() as connection:
            trials.add_epochs(connection, trial_id, [epoch])

    def finish_trial(
        self,
        trial_id: int,
        verdict: Verdict,
        reason: str = "",
        test_score: float | None = None,
        output: str = "",
        artifact: Artifact | None = None,
    ) -> None:
        """Close a trial.

        Args:
            trial_id: Its id.
            verdict, reason, test_score: How it ended.
            output: What the network printed meanwhile.
            artifact: Where its weights are, which are stored already.
        """
        with self.database.write() as connection:
            trials.finish(connection, trial_id, verdict, reason, test_score, output, artifact)

    def printed(self, trial_id: int) -> str:
        """What a network printed while a trial trained it, untrusted text; "" if nothing is kept.

        Its head and its tail, with a line between them where some was dropped.
        """
        with self.database.read() as connection:
            return trials.printed(connection, trial_id)

    def drop_unfinished_trials(self, run_id: int) -> int:
        """Delete the trials that a killed run left open, and their epochs; how many."""
        with self.database.write() as connection:
            return trials.drop_unfinished(connection, run_id)

    def trials(self, *, architecture: str | None = None, run_id: int | None = None) -> list[Trial]:
        """Trials that have ended, of an architecture or a run or all, the oldest first."""
        where = []
        if architecture is not None:
            where.append(trials.of_architecture(architecture))
        if run_id is not None:
            where.append(trials.of_run(run_id))
        with self.database.read() as connection:
            return trials.find(connection, *where)

    def trial_of(self, run_id: int, index: int) -> int | None:
        """The id of an attempt's trial; None where it has none."""
        table = attempt_table.c
        with self.database.read() as connection:
            mine = (table.run_id == run_id) & (table.index == index)
            return connection.scalar(sa.select(table.trial_id).where(mine))

    # -- weights -------------------------------------------------------------------------------

    def artifact_store(self, place: str | None = None) -> ArtifactStore:
        """Where the weights of this corpus's networks are.

        Args:
            place: A folder or a URL; None takes `$LEMUR2_ARTIFACTS`, else the folder beside the
                database's file, called as that with `.artifacts` behind it. A database on a
                server has nothing beside it: then ~/.local/share/lemur2/artifacts.

        Raises:
            UserError: The URL is of no kind that is known.
        """
        place = place or os.environ.get("LEMUR2_ARTIFACTS")
        if place is not None:
            return artifact_store(place)
        if self.database.engine.dialect.name == "sqlite":
            return artifact_store(f"{Path(self.database.place).absolute()}.artifacts")
        return artifact_store(str(Path.home() / ".local/share/lemur2/artifacts"))

    def artifacts(
        self, *, name: str | None = None, trial_id: int | None = None, run_id: int | None = None
    ) -> list[Kept]:
        """The weights that are kept: of a network, a trial, a run, or all; the oldest first."""
        where = []
        if name is not None:
            where.append(architecture_table.c.name == name)
        if trial_id is not None:
            where.append(trial_table.c.id == trial_id)
        if run_id is not None:
            where.append(trial_table.c.run_id == run_id)
        with self.database.read() as connection:
            return artifacts.find(connection, *where)

    def let_go(self, trial_ids: Collection[int]) -> set[str]:
        """Keep the weights of these trials no longer; digests of the files that are free now."""
        with self.database.write() as connection:
            return artifacts.let_go(connection, trial_ids)

    def artifact_digests(self) -> set[str]:
        """Of all files that are wanted."""
        with self.database.read() as connection:
            return artifacts.digests(connection)

    # -- reading -------------------------------------------------------------------------------

    def funnel(
        self, run_id: int | None = None, by: Literal["generator", "prefix"] = "generator"
    ) -> dict[str, tuple[Stage, ...]]:
        """How far candidates got, in one run or in all (`corpus.funnel`).

        Args:
            run_id: None for all runs.
            by: Per generator, or per prefix of the candidates' names (`alt-nn3`).
        """
        with self.database.read() as connection:
            return funnel(_attempted(connection, run_id, by))

    def untrained(self, run_id: int | None = None) -> dict[str, int]:
        """Per generator, candidates that passed screening and were not meant to be trained."""
        attempt = attempt_table.c
        where = [attempt.verdict == Verdict.OK.value, attempt.trial_id.is_(None)]
        if run_id is not None:
            where.append(attempt.run_id == run_id)
        query = sa.select(attempt.generator, sa.func.count()).where(*where)
        with self.database.read() as connection:
            rows = connection.execute(query.group_by(attempt.generator)).all()
        return {row[0]: row[1] for row in rows}

    def skipped(self, run_id: int | None = None) -> dict[str, Counter[str]]:
        """Per generator, how many candidates were duplicates by each rule (`corpus.repeats`)."""
        attempt = attempt_table.c
        where = [attempt.verdict == Verdict.DUPLICATE.value]
        if run_id is not None:
            where.append(attempt.run_id == run_id)
        query = sa.select(attempt.generator, attempt.reason).where(*where)
        found: dict[str, Counter[str]] = {}
        with self.database.read() as connection:
            for generator, reason in connection.execute(query):
                found.setdefault(generator, Counter())[said(reason)] += 1
        return found

    def content_dump(self) -> dict[str, list[Any]]:
        """Everything that two runs of the same seed have in common: no ids, times, memory."""
        with self.database.read() as connection:
            return dump.content(connection)


def _earlier(found: sa.Column[Any]) -> sa.Exists:
    """Whether the transform that an attempt repeats has this column of its own attempt."""
    first = found.table.c
    repeated = (first.name == attempt_table.c.duplicate_of) & (first.kind == "transform")
    return sa.exists().where(repeated, first.verdict == Verdict.OK.value, found.is_not(None))


def _first_of_its_run() -> sa.ScalarSelect[int]:
    """Id of the attempt of the same run that an attempt repeats; NULL where it repeats none."""
    first = attempt_table.alias("first")
    attempt = attempt_table.c
    query = (
        sa.select(first.c.id)
        .where(
            first.c.run_id == attempt.run_id,
            first.c.name == attempt.duplicate_of,
            first.c.index < attempt.index,
            first.c.verdict != Verdict.DUPLICATE.value,
        )
        .order_by(first.c.index)
        .limit(1)
    )
    return query.correlate(attempt_table).scalar_subquery()


def _attempted(connection: Connection, run_id: int | None, by: str) -> list[Attempted]:
    attempt = attempt_table.c
    twin = architecture_table.alias("twin")
    twin_learned = (
        sa.exists()
        .where(trial_table.c.architecture_id == twin.c.id, trial_table.c.verdict == "ok")
        .correlate(twin)
    )
    is_twin = attempt.verdict == Verdict.DUPLICATE.value
    of_transform = is_twin & (attempt.kind == "transform")
    original = attempt_table.alias("original")
    in_run = original.c.id.is_not(None)
    screened = sa.case(
        (in_run, original.c.facts.is_not(None)),
        (of_transform, _earlier(attempt_table.alias().c.facts)),
        (is_twin, twin.c.id.is_not(None)),
        else_=attempt.facts.is_not(None),
    )
    learned = sa.case(
        (in_run, original.c.trial_id.is_not(None)),
        (of_transform, _earlier(attempt_table.alias().c.trial_id)),
        (is_twin, twin_learned),
        else_=attempt.trial_id.is_not(None),
    )
    columns = (attempt[by], attempt.verdict, screened, learned, original.c.verdict)
    query = (
        sa.select(*columns, sa.func.count())
        .select_from(
            attempt_table.outerjoin(twin, twin.c.name == attempt.duplicate_of).outerjoin(
                original, original.c.id == _first_of_its_run()
            )
        )
        .where(attempt.verdict.is_not(None))
        .group_by(*columns)
    )
    if run_id is not None:
        query = query.where(attempt.run_id == run_id)
    return [
        Attempted(
            generator=generator,
            verdict=Verdict(verdict),
            screened=bool(was_screened),
            learned=bool(was_trained),
            repeats=Verdict(repeats) if repeats else None,
            count=count,
        )
        for generator, verdict, was_screened, was_trained, repeats, count in connection.execute(
            query
        )
    ]
