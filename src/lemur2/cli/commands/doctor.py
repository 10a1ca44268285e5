"""`lemur2 doctor`: what protects this machine, its devices, data sets, versions."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any

import click

from lemur2.cli.errors import FAILED
from lemur2.cli.options import db_option, json_option, wide_option
from lemur2.cli.output import emit_json, print_table, say

_PACKAGES = ("torch", "torchvision", "numpy", "pandas", "sqlalchemy", "optuna", "mlxtend")


@click.command()
@wide_option
@json_option
@db_option
def doctor(as_json: bool, db: str | None) -> int:
    """What protects this machine from candidates; its devices, data sets and versions.

    Ends with 1 where candidates cannot be isolated here: then nothing runs but with --unsafe.

    \b
    lemur2 doctor
    lemur2 doctor --json
    """
    found: dict[str, Any] = {
        "isolation": _isolation(),
        "devices": _devices(),
        "datasets": _datasets(),
        "versions": _versions(),
        "corpus": _corpus(db),
    }
    if as_json:
        emit_json(found)
    else:
        _show(found)
    return 0 if all(row["holds"] for row in found["isolation"]) else FAILED


def _isolation() -> list[dict[str, Any]]:
    from lemur2.sandbox import report

    return [
        {"property": each.name, "holds": each.holds, "by": each.mechanism, "note": each.note}
        for each in report()
    ]


def _devices() -> list[dict[str, Any]]:
    from lemur2.quiet import cpus

    devices: list[dict[str, Any]] = [
        {"device": "cpu", "name": platform.processor() or platform.machine(), "count": cpus()}
    ]
    try:
        import torch
    except ImportError:
        return devices
    devices += [
        {"device": f"cuda:{i}", "name": torch.cuda.get_device_name(i), "count": 1}
        for i in range(torch.cuda.device_count())
    ]
    return devices


def _datasets() -> list[dict[str, Any]]:
    from lemur2.cli.commands.datasets import known

    return [
        {"dataset": each["name"], "found": each["found"], "about": each["about"]}
        for each in known()
    ]


def _versions() -> dict[str, str | None]:
    return {
        "python": platform.python_version(),
        "kernel": platform.release(),
        **{name: _version(name) for name in ("lemur2", *_PACKAGES)},
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _corpus(db: str | None) -> str:
    from lemur2.corpus.db.database import locate

    return locate(db).render_as_string(hide_password=True)


def _show(found: dict[str, Any]) -> None:
    say("isolation of candidates")
    rows: list[tuple[Any, ...]] = [
        ("yes" if r["holds"] else "NO", r["property"], r["by"], r["note"])
        for r in found["isolation"]
    ]
    print_table(("holds", "property", "by", "note"), rows, first=("property", "holds"))
    say("\ndevices")
    print_table(("device", "name", "count"), [r.values() for r in found["devices"]])
    say("\ndata sets")
    rows = [(r["dataset"], "yes" if r["found"] else "no", r["about"]) for r in found["datasets"]]
    print_table(("data set", "found", "what"), rows)
    say("\nversions")
    say("  ".join(f"{name} {version or '-'}" for name, version in found["versions"].items()))
    say(f"\ncorpus: {found['corpus']}")
