"""What a worker reports, read as what it is: the word of an untrusted process.

A candidate that finds the channel can send whatever it likes. What is not well-formed is refused
as `forbidden` here, so that it ends the candidate and not the run.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from lemur2.architecture import Refusal, Verdict
from lemur2.corpus import Facts
from lemur2.retrieval.library.stages import Stage
from lemur2.retrieval.library.validation import Validation
from lemur2.sandbox.awaited import MIB, Array, Awaited
from lemur2.texts import LONGEST_TEXT, MOST_NAMES, one_line, printable, wrong_names

_MOST = 1 << 62  # of anything that is counted; databases hold 64 bits
_MOST_MODULES = 20_000
_MOST_NOTES = 20
_MOST_AXES = 16
_MOST_SHAPES = 1_000
_MOST_NUMBERS = 10_000  # in all of an epoch's diagnostics
_DEEPEST = 3  # axes of one of them
_EXPRESSION = 50_000  # characters of an argument of a block: a configuration may be long
_SETTINGS = 2_000  # names in a configuration
_SETTINGS_DEEPEST = 8
_SETTINGS_TEXT = 5_000  # characters
_DIGEST = re.compile(r"[0-9a-f]{1,64}")

# What a job may be refused with, beside `memory`, `forbidden` and `crash`.
_LOADED = frozenset({Verdict.CONTRACT, Verdict.IMPORT, Verdict.BUILD, Verdict.SHAPE})
_TRANSFORM = _LOADED | {Verdict.SYNTAX, Verdict.DIVERGED}
_SCREENED = _LOADED | {Verdict.SYNTAX, Verdict.BACKWARD}
_TRAINED = _LOADED | {Verdict.SYNTAX, Verdict.TRAIN, Verdict.DIVERGED}
_LARGE = 16 * MIB  # of JSON: what tracing or an outline says of a large network


def screening(source: str) -> Awaited:
    """The answer to a job that screens a network."""
    return Awaited(verdicts=_SCREENED, lines=_lines(source))


def large_screening(source: str) -> Awaited:
    """The answer to a job that traces a network, or screens it and outlines it."""
    return Awaited(json=_LARGE, verdicts=_SCREENED, lines=_lines(source))


def transform_screening(source: str) -> Awaited:
    """The answer to a job that screens a transform."""
    return Awaited(verdicts=_TRANSFORM, lines=_lines(source))


def training(source: str, arrays: Sequence[Array] = ()) -> Awaited:
    """An answer of a worker that trains a network: with these arrays."""
    return Awaited(arrays=tuple(arrays), verdicts=_TRAINED, lines=_lines(source))


def weights(source: str, most: int) -> Awaited:
    """A trained network's weights, at most so many bytes."""
    return replace(training(source), json=8 * MIB, arrays=None, array_bytes=most)


def trying(source: str) -> Awaited:
    """An answer of a worker that tries a block, or reads configurations."""
    return Awaited(json=8 * MIB, verdicts=_LOADED, lines=_lines(source))


def _lines(source: str) -> int:
    return len(source.splitlines())


def facts(reply: Mapping[str, Any], seconds: float) -> Facts:
    """The facts that screening found, in so many seconds of the parent's clock. Raises Refusal."""
    with _readable():
        raw = reply["facts"]
        return Facts(
            input_size=_count(raw["input_size"]),
            sample_shape=_shape(raw["sample_shape"]),
            outputs=_shape(raw["outputs"]),
            parameters=_count(raw["parameters"]),
            flops=None if raw["flops"] is None else _count(raw["flops"]),
            memory=_count(raw["memory"]),
            seconds=seconds,
            structure_digest=_digest(raw["structure_digest"]),
            notes=_notes(raw["notes"]),
        )


def screened_transform(reply: Mapping[str, Any]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The shape that a transform gives, and notes. Raises Refusal."""
    with _readable():
        raw = reply["transform"]
        return _shape(raw["sample_shape"]), _notes(raw["notes"])


def block(reply: Mapping[str, Any], seconds: float) -> Validation:
    """How far a block got: a stage on the way, or all that was found. Raises Refusal."""
    with _readable():
        if "stage" in reply:
            return Validation(stage=Stage(reply["stage"]))
        raw = reply["block"]
        return Validation(
            stage=Stage(raw["stage"]),
            reason=one_line(raw["reason"]),
            arguments=_expressions(raw["arguments"]),
            inputs=_expressions(raw["inputs"]),
            shapes={_argument(n): _shape(s) for n, s in _few(raw.get("shapes", {})).items()},
            kinds={_argument(n): one_line(k) for n, k in _few(raw.get("kinds", {})).items()},
            outputs=tuple(map(_shape, _few(raw.get("outputs", [])))),
            returns=one_line(raw.get("returns", "")),
            parameters=None if raw.get("parameters") is None else _count(raw["parameters"]),
            flops=None if raw.get("flops") is None else _count(raw["flops"]),
            batched=bool(raw.get("batched", False)),
            seconds=seconds,
        )


def settings(reply: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Values of configuration classes by name. Raises Refusal."""
    with _readable():
        return {
            _argument(name): _setting(dict(values), _SETTINGS_DEEPEST)
            for name, values in _few(reply["settings"]).items()
        }


def _setting(value: Any, depth: int) -> Any:
    """A value of a configuration: it becomes part of a block's text."""
    if isinstance(value, dict | list):
        if not depth or len(value) > _SETTINGS:
            raise ValueError("a configuration that is too large")
        if isinstance(value, list):
            return [_setting(each, depth - 1) for each in value]
        return {_key(name): _setting(each, depth - 1) for name, each in value.items()}
    if isinstance(value, str):
        return printable(value[:_SETTINGS_TEXT])
    if isinstance(value, int) and abs(value) > _MOST:
        raise ValueError("a number that is too large")
    return value


def _key(name: str) -> str:
    if len(name) > LONGEST_TEXT or not name.isprintable():
        raise ValueError("a name that is none")
    return name


def _few(values: Any) -> Any:
    if not isinstance(values, dict | list) or len(values) > _MOST_SHAPES:
        raise ValueError("too many values")
    return values


def _expressions(values: Any) -> dict[str, str] | None:
    """Texts of expressions by the parameter that they are for."""
    if values is None:
        return None
    return {_argument(name): _expression(text) for name, text in _few(values).items()}


def _argument(name: Any) -> str:
    """A name in a file, or `*`."""
    if name != "*" and not (isinstance(name, str) and len(name) <= 200 and name.isidentifier()):
        raise ValueError("no name of a parameter")
    return str(name)


def _expression(text: Any) -> str:
    if not isinstance(text, str) or len(text) > _EXPRESSION or not text.isprintable():
        raise ValueError("no expression")
    return text


def hyperparameters(reply: Mapping[str, Any]) -> dict[str, int | float | str]:
    """What the network was built with. Raises Refusal."""
    with _readable():
        return {name: _value(value) for name, value in _named(reply["prm"]).items()}


def _named(values: Any, *, dotted: bool = False) -> dict[str, Any]:
    """Few values under short names."""
    most = MOST_NAMES + 10  # what is declared, and what every network gets
    if not isinstance(values, dict) or wrong_names(values, dotted=dotted, most=most):
        raise ValueError("names that are none")
    return values


def peak_memory(reply: Mapping[str, Any]) -> int:
    """Peak resident bytes of a worker after an epoch, by its own word. Raises Refusal."""
    with _readable():
        return _count(reply["memory"])


def notes(reply: Mapping[str, Any]) -> str:
    """What was different in the sandbox while an epoch was trained, in a line. Raises Refusal."""
    with _readable():
        return one_line("; ".join(_notes(reply.get("notes", []))))


Outline = dict[str, tuple[str, str, dict[str, tuple[int, ...]]]]


def outline(reply: Mapping[str, Any]) -> Outline:
    """A network's modules by name: class, settings, and parameters' shapes. Raises Refusal."""
    with _readable():
        modules = reply["outline"]
        if len(modules) > _MOST_MODULES:
            raise ValueError(len(modules))
        return {
            one_line(name): (
                one_line(kind),
                one_line(settings),
                {one_line(key): _shape(shape) for key, shape in shapes.items()},
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
        named = _named(reply["diagnostics"], dotted=True)
        found = {name: _numbers(value, _DEEPEST) for name, value in named.items()}
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


_MALFORMED = (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except _MALFORMED as error:
        raise Refusal(Verdict.FORBIDDEN, "the worker's report cannot be read") from error


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= _MOST:
        raise ValueError("no count")
    return value


def _shape(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) > _MOST_AXES:
        raise ValueError("no shape")
    return tuple(map(_count, value))


def _notes(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError(type(values))
    return tuple(map(one_line, values[:_MOST_NOTES]))


def _digest(value: Any) -> str:
    if not _DIGEST.fullmatch(value):
        raise ValueError(value)
    return str(value)


def _value(value: Any) -> int | float | str:
    if isinstance(value, str):
        return printable(value[:LONGEST_TEXT])
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, int) and abs(value) <= _MOST:
        return value
    raise ValueError(value)
