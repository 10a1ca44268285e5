"""Jobs by name: ours, and third parties' by the entry-point group `lemur2.jobs`."""

from __future__ import annotations

from typing import Any

from lemur2.evaluation.jobs.base import Job
from lemur2.evaluation.jobs.block import TryBlock
from lemur2.evaluation.jobs.judge import Judge
from lemur2.evaluation.jobs.screen import Screen
from lemur2.evaluation.jobs.screen_transform import ScreenTransform
from lemur2.evaluation.jobs.settings import ReadSettings
from lemur2.evaluation.jobs.trace import TraceNetwork
from lemur2.evaluation.jobs.train import Train
from lemur2.registry import Registry

BUILTIN: tuple[type[Job[Any]], ...] = (
    Screen,
    ScreenTransform,
    Train,
    Judge,
    TraceNetwork,
    TryBlock,
    ReadSettings,
)

_JOBS: Registry[Job[Any]] = Registry(
    "job",
    Job,  # type: ignore[type-abstract]
    "lemur2.jobs",
    {each.name: each for each in BUILTIN},
)


def job_names() -> tuple[str, ...]:
    """Names of all known jobs."""
    return _JOBS.names()


def job_classes() -> dict[str, type[Job[Any]]]:
    """All jobs by name; a warning for each that cannot be loaded."""
    return _JOBS.classes()


def job_class(name: str) -> type[Job[Any]]:
    """The job of that name.

    Raises:
        UsageError: There is none; the message gives the names that come close.
        UserError: An installed package announces it, but it cannot be loaded.
    """
    return _JOBS.find(name)
