"""`lemur2 list`: the names that other verbs take, ours and those of installed packages."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import click

from lemur2.architecture import zoo_names
from lemur2.architecture.zoo import zoo_parameters
from lemur2.cli.options import json_option, wide_option
from lemur2.cli.output import emit_json, print_table

Rows = Iterator[dict[str, Any]]


def _generators() -> Rows:
    from lemur2.generators import generator_classes

    for name, kind in generator_classes().items():
        yield {"name": name, "proposes": kind.proposes, "about": kind.about}


def _datasets() -> Rows:
    from lemur2.cli.commands.datasets import known

    for each in known():
        yield {name: each[name] for name in ("name", "task", "found", "about")}


def _tasks() -> Rows:
    from lemur2.tasks import task_classes

    for name, kind in task_classes().items():
        yield {"name": name, "metrics": ", ".join(kind.metrics), "about": _about(kind)}


def _metrics() -> Rows:
    from lemur2.metrics import metric_classes

    for name, kind in metric_classes().items():
        better = "higher" if kind.higher_is_better else "lower"
        yield {"name": name, "better": better, "about": _about(kind)}


def _transforms() -> Rows:
    from lemur2.transforms import transform_names

    for name in transform_names():
        yield {"name": name}


def _zoo() -> Rows:
    from lemur2.tasks import task_names

    for task in task_names():
        for name in zoo_names(task):
            yield {"name": name, "task": task, "parameters": zoo_parameters(name)}


def _presets() -> Rows:
    from lemur2.evaluation.presets import PRESETS

    for name, fields in PRESETS.items():
        changes = {**fields, **fields.get("hyperparameters", {})}
        changes.pop("hyperparameters", None)
        told = ", ".join(f"{key} {value}" for key, value in changes.items())
        yield {"name": name, "sets": told}


def _engines() -> Rows:
    from lemur2.evaluation.engines import engine_classes

    for name, kind in engine_classes().items():
        yield {"name": name, "about": kind.about}


KINDS: dict[str, Callable[[], Rows]] = {
    "datasets": _datasets,
    "tasks": _tasks,
    "transforms": _transforms,
    "metrics": _metrics,
    "zoo": _zoo,
    "generators": _generators,
    "presets": _presets,
    "engines": _engines,
}


@click.command("list")
@click.argument("kind", type=click.Choice(list(KINDS)))
@wide_option
@json_option
def list_(kind: str, as_json: bool) -> None:
    """The names that other verbs take, those of installed packages among them.

    KIND is what to list: data sets, tasks, transforms, metrics, the networks of the zoo,
    generators, presets of the paper's experiments, or engines.

    \b
    lemur2 list datasets
    lemur2 list zoo --json | jq -r 'select(.parameters < 1e6).name'
    """
    rows = list(KINDS[kind]())
    if as_json:
        for row in rows:
            emit_json(row)
        return
    columns = tuple(rows[0])
    shown = [tuple(_cell(row[name]) for name in columns) for row in rows]
    print_table(columns, shown, right=("parameters",), first=columns)


def _cell(value: Any) -> object:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else value


def _about(kind: type) -> str:
    """The first line of a class's docstring."""
    return (inspect.getdoc(kind) or "").partition("\n")[0]
