"""A generator's options, derived from its `Config` dataclass: one place says what there is."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Mapping
from typing import Any

import click


def config_options(config: type) -> list[click.Option]:
    """An option for every field: its name, type, default and help come from the field."""
    hints = typing.get_type_hints(config)
    return [_option(each, hints[each.name]) for each in dataclasses.fields(config)]


def build_config(config: type, values: Mapping[str, Any]) -> Any:
    """A config from values by field name: parsed options, or what the ledger stored as JSON."""
    known = {each.name for each in dataclasses.fields(config)}
    given = {name: _frozen(value) for name, value in values.items() if name in known}
    return config(**given)


def _option(each: dataclasses.Field[Any], hint: Any) -> click.Option:
    flag = f"--{each.name.replace('_', '-')}"
    text = each.metadata.get("help")
    if hint is bool:
        off = f"--no-{each.name.replace('_', '-')}"
        return click.Option([f"{flag}/{off}"], default=each.default, show_default=True, help=text)
    item = _item_type(hint)
    if item is not None:
        given: tuple[Any, ...] = each.default  # type: ignore[assignment]
        return click.Option(
            [flag],
            default=",".join(map(str, given)),
            show_default=True,
            type=_List(item),
            help=text,
        )
    base = next((t for t in typing.get_args(hint) if t is not type(None)), hint)
    return click.Option([flag], default=each.default, show_default=True, type=base, help=text)


def _item_type(hint: Any) -> Callable[[str], Any] | None:
    """What a `tuple[T, ...]` holds; None for anything else."""
    if typing.get_origin(hint) is tuple:
        item: Callable[[str], Any] = typing.get_args(hint)[0]
        return item
    return None


class _List(click.ParamType):
    """Comma-separated values."""

    name = "list"

    def __init__(self, item: Callable[[str], Any]) -> None:
        self.item = item

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Any, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(self.item(part.strip()) for part in value.split(",") if part.strip())
        except ValueError:
            kind = getattr(self.item, "__name__", "values")
            self.fail(f"{value!r} is not a comma-separated list of {kind}", param, ctx)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
