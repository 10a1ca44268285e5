"""Values in, columns out, and back: JSON text, hyperparameters, facts, source text."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from lemur2.corpus.records import Facts
from lemur2.texts import cleaned

# Hyperparameters with a column of their own, and the type that the column gives back.
COLUMNS: dict[str, type] = {"lr": float, "batch": int, "momentum": float, "dropout": float}

_LIMIT = 1 << 63  # what a column of integers cannot hold; NaN and infinity are not below it
_SHORT, _FEW = 2_000, 8  # characters, brackets
_LISTS = ("sample_shape", "outputs", "notes")


def to_json(value: Any) -> str:
    """Compact JSON in plain ASCII; the order of keys is kept, tuples become lists."""
    return json.dumps(value, separators=(",", ":"))


def from_json(text: str | None) -> Any:
    """What `to_json` was given; None for None."""
    return None if text is None else json.loads(text)


def told(text: str | None) -> Any:
    """JSON of what a network, or an imported file, says of itself: safe to show and to encode.

    What is stored today is so already; rows of older versions and of imports need not be.
    """
    if text is None:
        return None
    brackets = text.count("[") + text.count("{")
    sound = len(text) <= _SHORT and brackets <= _FEW and "\\" not in text and text.isprintable()
    return from_json(text) if sound else cleaned(from_json(text))  # a corpus has many, all alike


def encode_text(text: str) -> bytes:
    """Text of any content as bytes, lone surrogates included."""
    return text.encode("utf-8", "surrogatepass")


def decode_text(data: bytes) -> str:
    """The text that `encode_text` was given."""
    return bytes(data).decode("utf-8", "surrogatepass")


def sha256(data: bytes) -> str:
    """Hex digest."""
    return hashlib.sha256(data).hexdigest()


def plain(text: str) -> str:
    """A message as every database can hold it: NUL and lone surrogates are spelled out."""
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def number(value: float | None) -> float | None:
    """A float for a column: NaN is NULL, as SQLite has it."""
    return None if value is None or math.isnan(value) else float(value)


def split_hyperparameters(prm: Mapping[str, Any]) -> dict[str, Any]:
    """The columns `lr`, `batch`, `momentum`, `dropout` and `prm` of a trial.

    A number goes to its column, where SQL can compare it. `prm` keeps, as JSON, what the columns
    would not give back exactly: every other name, and a value of another type (`lr=1`).
    """
    columns: dict[str, Any] = dict.fromkeys(COLUMNS)
    rest: dict[str, Any] = {}
    for name, value in prm.items():
        kind = COLUMNS.get(name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if kind and is_number and abs(value) < _LIMIT and value == kind(value):
            columns[name] = kind(value)
        if columns.get(name) is None or type(value) is not kind:
            rest[name] = value
    return {**columns, "prm": to_json(rest)}


def join_hyperparameters(columns: Mapping[Any, Any], rest: Mapping[str, Any]) -> dict[str, Any]:
    """The hyperparameters that `split_hyperparameters` was given, as a new dict."""
    found = {name: columns[name] for name in COLUMNS if columns[name] is not None}
    return {**found, **rest}


def facts_columns(facts: Facts) -> dict[str, Any]:
    """The columns of `architectures` that hold screening's findings."""
    values = asdict(facts)
    values["screen_seconds"] = values.pop("seconds")
    return {**values, **{name: to_json(values[name]) for name in _LISTS}}


def facts_from_columns(row: Mapping[Any, Any]) -> Facts | None:
    """The facts that `facts_columns` was given; None where it was never screened."""
    if row["structure_digest"] is None:
        return None
    values = {
        f.name: row["screen_seconds" if f.name == "seconds" else f.name] for f in fields(Facts)
    }
    return Facts(**{**values, **{name: tuple(told(values[name])) for name in _LISTS}})


def facts_from_json(text: str | None) -> Facts | None:
    """Facts from the JSON of `asdict(facts)`."""
    if text is None:
        return None
    values = from_json(text)
    return Facts(**{**values, **{name: tuple(cleaned(values[name])) for name in _LISTS}})
