"""What a worker reports, read as what it is: the word of an untrusted process.

A candidate that finds the channel can send whatever it likes. What is not well-formed is refused
as `forbidden` here, so that it ends the candidate and not the run.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lemur2.architecture import Refusal, Verdict
from lemur2.corpus import Facts
from lemur2.retrieval.library.stages import Stage
from lemur2.retrieval.library.validation import Validation

_MOST = 1 << 62  # of anything that is counted; databases hold 64 bits
_LONGEST = 300  # characters of a note or a string
_MOST_MODULES = 20_000
_MOST_NUMBERS = 10_000  # in all of an epoch's diagnostics
_DEEPEST = 3  # axes of one of them
_DIGEST = re.compile(r"[0-9a-f]{1,64}")


def facts(reply: Mapping[str, Any]) -> Facts:
    """The facts that screening found. Raises Refusal."""
    with _readable():
        raw = reply["facts"]
        return Facts(
            input_size=_count(raw["input_size"]),
            sample_shape=tuple(map(_count, raw["sample_shape"])),
            outputs=tuple(map(_count, raw["outputs"])),
            parameters=_count(raw["parameters"]),
            flops=None if raw["flops"] is None else _count(raw["flops"]),
            memory=_count(raw["memory"]),
            seconds=_seconds(raw["seconds"]),
            structure_digest=_digest(raw["structure_digest"]),
            notes=tuple(str(note)[:_LONGEST] for note in raw["notes"]),
        )


def screened_transform(reply: Mapping[str, Any]) -> tuple[tuple[int, ...], float, tuple[str, ...]]:
    """The shape that a transform gives, its worker's seconds, and notes. Raises Refusal."""
    with _readable():
        raw = reply["transform"]
        notes = tuple(str(note)[:_LONGEST] for note in raw["notes"])
        return tuple(map(_count, raw["sample_shape"])), _seconds(raw["seconds"]), notes


def block(reply: Mapping[str, Any]) -> Validation:
    """How far a block got: a stage on the way, or all that was found. Raises Refusal."""
    with _readable():
        if "stage" in reply:
            return Validation(stage=Stage(reply["stage"]))
        raw = reply["block"]
        return Validation(
            stage=Stage(raw["stage"]),
            reason=str(raw["reason"])[:_LONGEST],
            arguments=_texts(raw["arguments"]),
            inputs=_texts(raw["inputs"]),
            shapes={str(n): tuple(map(_count, s)) for n, s in raw.get("shapes", {}).items()},
            kinds={str(n): str(k)[:_LONGEST] for n, k in raw.get("kinds", {}).items()},
            outputs=tuple(tuple(map(_count, s)) for s in raw.get("outputs", ())),
            returns=str(raw.get("returns", ""))[:_LONGEST],
            parameters=None if raw.get("parameters") is None else _count(raw["parameters"]),
            flops=None if raw.get("flops") is None else _count(raw["flops"]),
            batched=bool(raw.get("batched", False)),
            seconds=_seconds(raw["seconds"]),
        )


def settings(reply: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Values of configuration classes by name. Raises Refusal."""
    with _readable():
        return {str(name): dict(values) for name, values in reply["settings"].items()}


def _texts(values: Any) -> dict[str, str] | None:
    return None if values is None else {str(name): str(text) for name, text in values.items()}


def hyperparameters(reply: Mapping[str, Any]) -> dict[str, int | float | str]:
    """What the network was built with. Raises Refusal."""
    with _readable():
        return {str(name)[:_LONGEST]: _value(value) for name, value in reply["prm"].items()}


def cost(reply: Mapping[str, Any]) -> tuple[float, int]:
    """Seconds and peak memory of an epoch. Raises Refusal."""
    with _readable():
        return _seconds(reply["seconds"]), _count(reply["memory"])


Outline = dict[str, tuple[str, str, dict[str, tuple[int, ...]]]]


def outline(reply: Mapping[str, Any]) -> Outline:
    """A network's modules by name: class, settings, and parameters' shapes. Raises Refusal."""
    with _readable():
        modules = reply["outline"]
        if len(modules) > _MOST_MODULES:
            raise ValueError(len(modules))
        return {
            str(name)[:_LONGEST]: (
                str(kind)[:_LONGEST],
                str(settings)[:_LONGEST],
                {str(key): tuple(map(_count, shape)) for key, shape in shapes.items()},
            )
            for name, (kind, settings, shapes) in modules.items()
        }


def trace(reply: Mapping[str, Any]) -> Mapping[str, Any]:
    """What tracing found, as it came but for being an object. Raises Refusal."""
    with _readable():
        found = reply["trace"]
        if not isinstance(found, dict):
            raise TypeError(type(found))
        return found


def diagnostics(reply: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a network tells of itself after an epoch: numbers, or nested lists of them, by name.

    Numbers that are not finite are None. None where it tells nothing. Raises Refusal.
    """
    if reply.get("diagnostics") is None:
        return None
    with _readable():
        found = {
            str(name)[:_LONGEST]: _numbers(value, _DEEPEST)
            for name, value in reply["diagnostics"].items()
        }
        if sum(map(_size, found.values())) > _MOST_NUMBERS:
            raise ValueError("too many numbers")
        return found or None


def _numbers(value: Any, depth: int) -> Any:
    if isinstance(value, list) and depth:
        return [_numbers(each, depth - 1) for each in value]
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, int | float) and abs(value) <= _MOST:
        return value
    raise ValueError(value)


def _size(value: Any) -> int:
    return sum(map(_size, value)) if isinstance(value, list) else 1


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Refusal(Verdict.FORBIDDEN, "the worker's report cannot be read") from error


def _count(value: Any) -> int:
    number = int(value)
    if not 0 <= number <= _MOST:
        raise ValueError(number)
    return number


def _seconds(value: Any) -> float:
    number = float(value)
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(number)
    return number


def _digest(value: Any) -> str:
    if not _DIGEST.fullmatch(value):
        raise ValueError(value)
    return str(value)


def _value(value: Any) -> int | float | str:
    if isinstance(value, str):
        return value[:_LONGEST]
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, int) and abs(value) <= _MOST:
        return value
    raise ValueError(value)
