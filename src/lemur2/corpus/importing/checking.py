"""What a dump's rows must be before any of them is stored: a dump comes from outside."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args

import sqlalchemy as sa

from lemur2.architecture import Verdict
from lemur2.architecture.candidate import Kind
from lemur2.corpus.db import codec
from lemur2.corpus.rows.entries import Status
from lemur2.paths import is_name, stays_inside

Check = Callable[[Any], bool]

_LONGEST_LINE = 1000  # characters
_VERDICTS = frozenset(verdict.value for verdict in Verdict)
_ENDED = frozenset({"finished", "failed"})


def check_rows(table: sa.Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Look at every value that names, tells or decides something.

    Raises:
        ValueError: A row cannot be one of this table; the message says which, and what is wrong.
    """
    required = [column.name for column in table.columns if not column.nullable]
    checks = _CHECKS.get(table.name, {})
    for row in rows:
        where = f"{table.name}: row {next(iter(row.values()))}"
        for name in required:
            if row[name] is None:
                raise ValueError(f"{where} has no {name}")
        for name, (check, wanted) in checks.items():
            if row[name] is not None and not check(row[name]):
                raise ValueError(f"{where}: {name} is no {wanted}")
        whole = _WHOLE.get(table.name)
        if whole is not None:
            whole(where, row)


def _or_empty(text: str) -> bool:
    return text == "" or is_name(text)


def _is_line(text: str) -> bool:
    return len(text) <= _LONGEST_LINE and text.isprintable()


def _json_of(fits: Check) -> Check:
    def check(text: str) -> bool:
        try:
            return fits(json.loads(text))
        except (ValueError, RecursionError):
            return False

    return check


def _is_list_of(*kinds: type) -> Check:
    return lambda value: isinstance(value, list) and all(type(part) in kinds for part in value)


def _is_facts(text: str) -> bool:
    try:
        codec.facts_from_json(text)
    except (ValueError, TypeError, KeyError, RecursionError):
        return False
    return True


def _one_of(values: Iterable[str]) -> tuple[Check, str]:
    known = tuple(values)
    return (lambda value: value in known), f"one of {', '.join(known)}"


def _check_text(where: str, row: Mapping[str, Any]) -> None:
    """Texts are found by their digests: one under another's digest would stand in for it."""
    if codec.sha256(row["text"]) != row["sha256"]:
        raise ValueError(f"{where}: its text is not the one that its sha256 says")
    codec.decode_text(row["text"])


def _check_run(where: str, row: Mapping[str, Any]) -> None:
    """To go on with a run opens the files that its config names: they must be the user's own."""
    if row["status"] in _ENDED:
        return
    for text in _texts(json.loads(row["config"])):
        if not stays_inside(text.rpartition(":")[2]) and "://" not in text:
            raise ValueError(
                f"{where} is unfinished and would use {text[:100]!r}, which is outside the "
                "working folder"
            )


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


_NAME = (is_name, "name")
_NAME_OR_EMPTY = (_or_empty, "name")
_LINE = (_is_line, "line of text")
_OBJECT = (_json_of(lambda value: isinstance(value, dict)), "JSON object")
_ANY = (_json_of(lambda value: True), "JSON")
_TEXTS = (_json_of(_is_list_of(str)), "JSON list of texts")
_NUMBERS = (_json_of(_is_list_of(int)), "JSON list of whole numbers")
_VERDICT = _one_of(_VERDICTS)
_DIGEST = (lambda value: re.fullmatch(r"[0-9a-f]{64}", str(value)) is not None, "SHA-256 digest")

_CHECKS: dict[str, dict[str, tuple[Check, str]]] = {
    "environments": {"content": _OBJECT},
    "benchmarks": {"task": _NAME, "dataset": _NAME, "metric": _NAME},
    "transforms": {"name": _NAME_OR_EMPTY},
    "imports": {"name": _LINE, "version": _LINE, "summary": _OBJECT},
    "architectures": {
        "name": _NAME,
        "legacy_name": _NAME,
        "family": _NAME_OR_EMPTY,
        "prefix": _NAME_OR_EMPTY,
        "hyperparameters": _TEXTS,
        "notes": _TEXTS,
        "sample_shape": _NUMBERS,
        "outputs": _NUMBERS,
    },
    "lineage": {"parent": _LINE},
    "static_facts": {"facts": _ANY},
    "device_runs": {"task": _NAME, "device": _NAME, "details": _OBJECT},
    "runs": {
        "verb": _LINE,
        "generator": _LINE,
        "config": _OBJECT,
        "protocol": _OBJECT,
        "limits": _OBJECT,
        "state": _ANY,
        "status": _one_of(get_args(Status)),
    },
    "trials": {"prm": _OBJECT, "verdict": _VERDICT},
    "artifacts": {"digest": _DIGEST, "plan": _OBJECT},
    "epochs": {"diagnostics": _OBJECT},
    "attempts": {
        "kind": _one_of(get_args(Kind)),
        "generator": _LINE,
        "prefix": _NAME_OR_EMPTY,
        "given_name": _NAME,
        "name": _NAME,
        "duplicate_of": _LINE,
        "parents": _TEXTS,
        "parameters": _OBJECT,
        "training": _OBJECT,
        "verdict": _VERDICT,
        "facts": (_is_facts, "what screening finds"),
    },
}
_WHOLE: dict[str, Callable[[str, Mapping[str, Any]], None]] = {
    "sources": _check_text,
    "runs": _check_run,
}
