"""What the functions share: an engine, a protocol, a corpus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lemur2.corpus import Corpus
from lemur2.datasets import lasting_name
from lemur2.evaluation import Limits, Protocol
from lemur2.evaluation.engines import Engine, LocalEngine
from lemur2.evaluation.plan import Plan

Db = str | Path | None


@contextmanager
def entered(
    engine: Engine | None, *, workers: int | None = 1, limits: Limits | None = None
) -> Iterator[Engine]:
    """The engine that was given, entered by its owner; else one of this machine, for the block."""
    if engine is not None:
        yield engine
        return
    with LocalEngine(limits, workers=workers) as own:
        yield own


def planned(dataset: str, changes: Mapping[str, Any], *, download: bool = False) -> Plan:
    """The plan for a data set: the protocol's own names change it, others are hyperparameters.

    Raises:
        UsageError: A name or a number is wrong.
        UserError: The data is not there.
    """
    own = ("metric", "transform", "epochs", "seed", "amp", "checkpointing")
    protocol = Protocol(
        dataset=lasting_name(dataset), **{n: changes[n] for n in own if n in changes}
    )
    hyperparameters = {n: value for n, value in changes.items() if n not in own}
    return Plan.of(protocol.with_(hyperparameters=hyperparameters), download=download)


def opened(db: Db, *, create: bool = False) -> Corpus:
    """The corpus, as `--db` takes it."""
    return Corpus.open(db, create=create)
