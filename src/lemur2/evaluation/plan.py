"""A protocol, resolved: the data, the task, the metric and the transform that it names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lemur2.architecture import Candidate
from lemur2.datasets import DataSpec, PreparedData, dataset_class, prepare, resolve
from lemur2.errors import UsageError
from lemur2.evaluation.protocol import Protocol
from lemur2.metrics import metric
from lemur2.sandbox import surroundings
from lemur2.sandbox.limits import Limits
from lemur2.tasks import Task, task
from lemur2.transforms import transform_source

# Hyperparameters that mean the same in every network, and what they may be.
_RANGES = {"lr": (0, math.inf), "momentum": (0, 1), "dropout": (0, 1)}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What every evaluation under one protocol shares, as plain data. Made by `Plan.of`.

    It travels to workers, and to other machines.
    """

    protocol: Protocol
    spec: DataSpec  # of the prepared data, which each machine finds by its digest
    metric: str
    transform: str
    transform_source: str

    @property
    def data(self) -> PreparedData:
        """The prepared data on this machine. Raises UserError where it cannot be had."""
        return resolve(self.spec)

    @property
    def task(self) -> Task:
        """The data's task."""
        return task(self.spec.task)

    @classmethod
    def of(cls, protocol: Protocol, *, root: Path | None = None, download: bool = False) -> Plan:
        """Resolve every name, and prepare the data where that was not done yet.

        Raises:
            UsageError: A name or a number in the protocol is wrong.
            UserError: The data is not there.
        """
        _check(protocol)
        dataset = dataset_class(protocol.dataset)  # a class's facts are enough here
        kind = task(dataset.task)
        name = protocol.metric or kind.metrics[0]
        if name not in kind.metrics:
            raise UsageError(
                f"task {kind.name} is not scored by {name!r}; use {' or '.join(kind.metrics)}"
            )
        metric(name)
        transform, source = "", ""
        if kind.transformed:
            found = transform_source(protocol.transform or dataset.default_transform)
            transform, source = found.name, found.source
        elif protocol.transform:
            raise UsageError(f"task {kind.name} has no transforms; leave --transform out")
        return cls(
            protocol=protocol,
            spec=prepare(protocol.dataset, root=root, download=download).spec,
            metric=name,
            transform=transform,
            transform_source=source,
        )

    def under(self, transform: str, source: str) -> Plan:
        """The same with another transform.

        Raises:
            UsageError: The task has no transforms.
        """
        if not self.task.transformed:
            raise UsageError(
                f"{self.protocol.dataset} is data for {self.task.name}, which has no transforms; "
                "choose a data set of images"
            )
        return replace(self, transform=transform, transform_source=source)

    def for_candidate(self, candidate: Candidate) -> Plan:
        """This plan, but for what the candidate brings of training.

        Raises:
            UsageError: A number that it brings is no use as what it is for.
        """
        if not candidate.training:
            return self
        protocol = self.protocol.with_(**candidate.training)
        _check(protocol)
        return replace(self, protocol=protocol)


def environment(limits: Limits) -> dict[str, Any]:
    """Of a run: the machine that drives it, and what its workers may use.

    What a trial depends on is its worker's (`Sandbox.environment`), which may be elsewhere.
    """
    return {**surroundings(), "device": limits.device, "threads": limits.threads}


def _check(protocol: Protocol) -> None:
    if protocol.epochs < 1:
        raise UsageError(f"epochs must be at least 1, not {protocol.epochs}")
    if protocol.seed < 0:
        raise UsageError(f"the seed must not be negative, not {protocol.seed}")
    _check_hyperparameters(protocol.hyperparameters)


def _check_hyperparameters(values: Mapping[str, Any]) -> None:
    batch = values.get("batch", 64)
    if not isinstance(batch, int) or batch < 1:
        raise UsageError(f"batch must be a whole number of at least 1, not {batch!r}")
    for name, value in values.items():
        real = isinstance(value, int | float) and not isinstance(value, bool)
        if not (real and math.isfinite(value)):
            raise UsageError(f"{name} must be a number, not {value!r}")
        low, high = _RANGES.get(name, (-math.inf, math.inf))
        if not low <= value <= high:
            wanted = f"from {low} to {high}" if math.isfinite(high) else f"{low} or more"
            raise UsageError(f"{name} must be {wanted}, not {value!r}")
