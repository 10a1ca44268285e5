"""Arguments that might construct a block: from what its parameters are called, and from hints.

An assignment maps parameters to texts of expressions, or to `Settings` for configuration objects,
which grow while the block asks for more of them.
"""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch

from lemur2.evaluation.blocks import settings
from lemur2.evaluation.blocks.conventions import usual

_CONFIG = re.compile(r"(.*_)?(config|cfg|conf|cnf|args|hparams|params)")
_BASE_CONFIG = "PreTrainedConfig"
_DEPTH = 3  # of classes that construct classes
_ALTERNATIVES = 4  # values of one parameter that are tried


@dataclass(frozen=True)
class Settings:
    """A configuration object.

    Attributes:
        values: Its attributes.
        maker: What makes it: a namespace, or a class of the block's own file.
    """

    values: Mapping[str, Any]
    maker: str = settings.NAMESPACE

    def text(self) -> str:
        """The expression that makes it."""
        return settings.expression(self.values, self.maker)

    def with_(self, name: str, value: Any) -> Settings:
        """With one more attribute."""
        return Settings({**self.values, name: value}, self.maker)


Assignment = Mapping[str, str | Settings]


@dataclass(frozen=True, kw_only=True)
class Hints:
    """What the parent knows of a block's arguments.

    Attributes:
        calls: Arguments that the origin itself gives, some or all of them, likelier ones first.
        configs: Settings of the configuration classes that may be meant, likelier ones first.
    """

    calls: Sequence[Mapping[str, str]] = ()
    configs: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


def assignments(target: Any, namespace: Mapping[str, Any], hints: Hints) -> Iterator[Assignment]:
    """What to construct `target` with, likelier assignments first.

    The usual comes before what the origin gives: that is of the size of its models.
    """
    parameters = _required(target)
    choices = {p.name: _choices(p, namespace, hints, _DEPTH) for p in parameters}
    first = {name: values[0] for name, values in choices.items()}
    yield first
    yield from ({**first, **call} for call in hints.calls)
    for turn in range(1, _ALTERNATIVES):
        for name, values in choices.items():
            if turn < len(values):
                yield {**first, name: values[turn]}
    if len(choices) > 1:
        for turn in range(1, _ALTERNATIVES):
            yield {name: values[min(turn, len(values) - 1)] for name, values in choices.items()}
    yield from _with_optional(target, first)


def text(assignment: Assignment) -> dict[str, str]:
    """An assignment as expressions."""
    return {n: v.text() if isinstance(v, Settings) else v for n, v in assignment.items()}


def hands_on(target: Any) -> bool:
    """Whether a constructor takes keywords that it does not name."""
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(target).parameters.values())


def evaluate(expression: str, namespace: Mapping[str, Any]) -> Any:
    """The value of an argument's text, seen from the block's module."""
    known = {"torch": torch, "nn": torch.nn, "partial": partial, "SimpleNamespace": SimpleNamespace}
    return eval(expression, {**namespace, **known})


def _required(target: Any) -> list[inspect.Parameter]:
    parameters = inspect.signature(target).parameters.values()
    plain = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return [p for p in plain if p.default is p.empty]


def _choices(
    parameter: inspect.Parameter, namespace: Mapping[str, Any], hints: Hints, depth: int
) -> list[str | Settings]:
    annotation = _annotation(parameter)
    found: list[str | Settings] = []
    kind = _class(annotation, namespace)
    if kind is not None and depth and not (hints.configs and annotation.endswith("Config")):
        found += _constructed(kind[0], kind[1], namespace, hints, depth - 1)
    several = re.search(r"[Ll]ist|[Dd]ict|[Tt]uple|Sequence", annotation) is not None
    if (_CONFIG.fullmatch(parameter.name) and not several) or annotation.endswith(
        ("Config", "Cfg")
    ):
        maker = _maker(namespace)
        for values in hints.configs:
            found += [Settings(settings.reduced(values), maker), Settings(values, maker)]
        return [*found, Settings({}, maker)]
    return [*found, *usual(parameter.name, annotation)]


def _maker(namespace: Mapping[str, Any]) -> str:
    """What makes a configuration: the class of the block's own file that it has to be one of.

    The base class takes any attribute, and what checks a configuration checks for it.
    """
    base = namespace.get(_BASE_CONFIG)
    return _BASE_CONFIG if isinstance(base, type) else settings.NAMESPACE


def _annotation(parameter: inspect.Parameter) -> str:
    if parameter.annotation is parameter.empty:
        return ""
    if isinstance(parameter.annotation, str):
        return parameter.annotation.strip("'\"")
    return inspect.formatannotation(parameter.annotation)


def _class(annotation: str, namespace: Mapping[str, Any]) -> tuple[str, type] | None:
    """The class of the block's own file that an annotation names."""
    for name in re.findall(r"\w+", annotation):
        value = namespace.get(name)
        if isinstance(value, type) and value.__module__ == namespace["__name__"]:
            return name, value
    return None


def _constructed(
    name: str, kind: type, namespace: Mapping[str, Any], hints: Hints, depth: int
) -> list[str | Settings]:
    if issubclass(kind, enum.Enum):
        return [f"{name}.{member.name}" for member in list(kind)[:2]]
    try:
        parameters = _required(kind)
    except (TypeError, ValueError):
        return []
    chosen = {p.name: _choices(p, namespace, hints, depth)[0] for p in parameters}
    arguments = ", ".join(f"{key}={value}" for key, value in text(chosen).items())
    return [f"{name}({arguments})"]


def _with_optional(target: Any, first: Assignment) -> Iterator[Assignment]:
    """With values for the optional parameters that say nothing by default."""
    parameters = inspect.signature(target).parameters.values()
    silent = [
        p
        for p in parameters
        if p.default is None and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    for parameter in silent[:3]:
        yield {**first, parameter.name: usual(parameter.name, _annotation(parameter))[0]}
