"""Options that several commands share, and what is built from them.

`protocol_options` and `limit_options` decorate a command's function: it gets one argument more,
`protocol: ProtocolFlags` or `limits: LimitFlags`, in place of a dozen.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from lemur2.errors import UsageError

if TYPE_CHECKING:
    from lemur2.evaluation import Limits, Protocol
    from lemur2.evaluation.engines import Engine
    from lemur2.evaluation.jobs import Keep
    from lemur2.loop.keeping import Keeping

Command = Callable[..., Any]

db_option = click.option(
    "--db",
    metavar="PLACE",
    help="The corpus: a file or postgresql://user@host/name. [default: $LEMUR2_DB or lemur2.db]",
)

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")

WIDE = "lemur2.wide"  # where a context keeps that `--wide` was given


def _remember_wide(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    ctx.meta[WIDE] = value


wide_option = click.option(
    "--wide",
    is_flag=True,
    expose_value=False,
    callback=_remember_wide,
    help="Tables with all columns, uncut, however wide they are.",
)

download_option = click.option(
    "--download", is_flag=True, help="Fetch the data set where it is not on disk."
)


def refuse(names: Iterable[str], why: str) -> None:
    """Refuse options of the command at hand that were typed and would have no effect.

    Args:
        names: Of the options' parameters.
        why: What a message says after the option: `goes with --json`.

    Raises:
        UsageError: One of them was typed.
    """
    context = click.get_current_context()
    for each in context.command.params:
        typed = context.get_parameter_source(each.name or "") is ParameterSource.COMMANDLINE
        if typed and each.name in names:
            raise UsageError(f"{each.opts[-1]} {why}")


class Number(click.ParamType):
    """A finite number: unlike click's FLOAT, neither NaN nor infinity."""

    name = "number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read it, or fail as wrong usage."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


class Positive(Number):
    """A number above 0, and at most `most`."""

    def __init__(self, most: float = math.inf) -> None:
        self.most = most

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read it, or fail as wrong usage."""
        number = super().convert(value, param, ctx)
        if number <= 0:
            self.fail(f"{value!r} is not above 0", param, ctx)
        if number > self.most:
            self.fail(f"{value!r} is above {self.most:g}", param, ctx)
        return number


class Whole(click.ParamType):
    """A whole number from `least` to `most`."""

    name = "integer range"

    def __init__(self, least: int, most: int) -> None:
        self.least, self.most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it, or fail as wrong usage."""
        try:
            number = int(value)
        except ValueError:
            self.fail(f"{value!r} is not a whole number", param, ctx)
        if number < self.least:
            self.fail(f"{number} is below {self.least}", param, ctx)
        if number > self.most:
            self.fail(f"{number} is above {self.most:,}", param, ctx)
        return number


class BatchRange(click.ParamType):
    """Two whole numbers, `16..256`."""

    name = "range"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Read it, or fail as wrong usage."""
        match = re.fullmatch(r"(\d+)\.\.(\d+)", str(value))
        if match is None:
            self.fail(f"{value!r} is not a range like 16..256", param, ctx)
        return int(match[1]), int(match[2])


NUMBER, POSITIVE, BATCHES = Number(), Positive(), BatchRange()
COUNT = Whole(1, 1_000_000_000)
SEED = Whole(0, 2**32 - 1)  # what every source of chance takes
RUN = Whole(1, 2**31 - 1)  # a number in the ledger
_HYPERPARAMETERS = ("lr", "batch", "momentum", "dropout")
_DEVICE = re.compile(r"(cpu|cuda(:\d+)?)(,(cpu|cuda(:\d+)?))*")


@dataclass(frozen=True, kw_only=True)
class ProtocolFlags:
    """What was asked for with `protocol_options`; None where a flag was not given."""

    dataset: str
    preset: str | None
    epochs: int | None
    batch: int | None
    lr: float | None
    momentum: float | None
    dropout: float | None
    settings: tuple[str, ...]
    transform: str | None
    metric: str | None
    seed: int | None
    amp: bool | None
    checkpointing: bool | None

    @property
    def hyperparameters(self) -> dict[str, int | float]:
        """Those that flags or `--set` give. Raises UsageError."""
        flags = {name: getattr(self, name) for name in _HYPERPARAMETERS}
        given = {name: value for name, value in flags.items() if value is not None}
        return {**given, **dict(map(_setting, self.settings))}

    def protocol(self) -> Protocol:
        """The protocol: its defaults, then the preset's, then the flags.

        Raises:
            UsageError: There is no such preset, or `--set` cannot be read.
        """
        from lemur2.datasets import lasting_name
        from lemur2.evaluation import Protocol
        from lemur2.evaluation.presets import preset

        protocol = Protocol(dataset=lasting_name(self.dataset))
        if self.preset is not None:
            protocol = protocol.with_(**preset(self.preset))
        names = ("epochs", "metric", "seed", "amp", "checkpointing")
        flags = {name: getattr(self, name) for name in names}
        changes = {name: value for name, value in flags.items() if value is not None}
        if self.transform is not None:
            changes["transform"] = lasting(self.transform)
        return protocol.with_(**changes, hyperparameters=self.hyperparameters)


def _setting(text: str) -> tuple[str, int | float]:
    """`key=value`, the value a whole number where it is written as one."""
    name, sign, value = text.partition("=")
    name = name.strip()
    if not (sign and name):
        raise UsageError(f"--set takes key=value, not {text!r}")
    try:
        return name, int(value)
    except ValueError:
        pass
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(f"{name} must be a number, not {value.strip()!r}")
    return name, number


def lasting(transform: str) -> str:
    """A transform's name as it is; a file's as the ledger needs it, from wherever it is read."""
    from lemur2.transforms.names import transform_names

    path = Path(transform)
    if transform not in transform_names() and path.is_file():
        return str(path.resolve())
    return transform


def protocol_options(command: Command) -> Command:
    """Add the options that say what to train on, and how."""
    return _packed(command, "protocol", ProtocolFlags, _PROTOCOL)


@dataclass(frozen=True, kw_only=True)
class LimitFlags:
    """What was asked for with `limit_options`; None where a flag was not given."""

    timeout: float | None
    memory: float | None
    threads: int | None
    device: str | None
    unsafe: bool
    engine: str

    def limits(self, base: Limits | None = None, *, screening: bool = False) -> Limits:
        """The limits of a worker.

        Args:
            base: Where a flag was not given; those of a stored run, say.
            screening: `--timeout` bounds the screening, not the training.

        Raises:
            UsageError: There is no such kind of device.
        """
        from lemur2.evaluation import Limits
        from lemur2.sandbox.limits import GIB

        given: dict[str, Any] = {}
        if self.timeout is not None:
            given["screen_seconds" if screening else "train_seconds"] = self.timeout
        if self.memory is not None:
            given["memory"] = int(self.memory * GIB)
        if self.threads is not None:
            given["threads"] = self.threads
        if self.device is not None:
            check_device(self.device)
            given["device"] = self.device
        return replace(base or Limits(), **given)

    def on(self, limits: Limits, workers: int | None = None) -> Engine:
        """The engine that networks run on, not entered.

        Args:
            limits: Of each worker, from `limits`.
            workers: How many; by default as many as fit.

        Raises:
            UsageError: There is no such engine.
            UserError: It cannot be loaded.
        """
        from lemur2.evaluation.engines import engine_class

        return engine_class(self.engine)(limits, workers=workers, unsafe=self.unsafe)


def check_device(device: str, *, several: bool = True) -> None:
    """Raise UsageError where there is no such kind of device, or one is named twice."""
    named = device.split(",")
    most = len(named) if several else 1
    if not _DEVICE.fullmatch(device) or not len(set(named)) == len(named) == most:
        some = ", or several as cuda:0,cuda:1" if several else ""
        raise UsageError(f"--device takes cpu, cuda, cuda:N{some}; not {device!r}")


def limit_options(command: Command) -> Command:
    """Add the options that say what a worker may use."""
    return _packed(command, "limits", LimitFlags, _LIMITS)


@dataclass(frozen=True, kw_only=True)
class KeepFlags:
    """What was asked for with `keep_options`."""

    keep: Keep
    keep_top: int
    keep_budget: float | None
    artifacts: str | None

    def keeping(self) -> Keeping:
        """Which weights to keep, and where."""
        from lemur2.loop.keeping import Keeping
        from lemur2.sandbox.limits import GIB

        budget = None if self.keep_budget is None else int(self.keep_budget * GIB)
        return Keeping(what=self.keep, top=self.keep_top, budget=budget, place=self.artifacts)


def keep_options(command: Command) -> Command:
    """Add the options that say which weights are kept."""
    return _packed(command, "keep", KeepFlags, _KEEP)


def _packed(command: Command, name: str, kind: type, options: dict[str, Any]) -> Command:
    """The command with the options added, which it gets as one argument."""

    @functools.wraps(command)
    def packed(*args: Any, **values: Any) -> Any:
        flags = {option: values.pop(option) for option in options}
        return command(*args, **{name: kind(**flags)}, **values)

    decorated: Command = packed
    for option in reversed(options.values()):
        decorated = option(decorated)
    return decorated


_PROTOCOL = {
    "dataset": click.option("--dataset", required=True, help="Name of the data set."),
    "preset": click.option(
        "--preset",
        metavar="NAME",
        help="Defaults of one of the paper's experiments: fractal, few-shot, transforms, moe, "
        "captioning, reinforce. Other flags override them.",
    ),
    "epochs": click.option("--epochs", type=COUNT, help="How often to go through the data. [1]"),
    "batch": click.option("--batch", type=COUNT, help="Samples in a batch. [64]"),
    "lr": click.option("--lr", type=NUMBER, help="Learning rate. [0.01]"),
    "momentum": click.option("--momentum", type=NUMBER, help="Momentum. [0.9]"),
    "dropout": click.option("--dropout", type=NUMBER, help="Dropout rate. [0.2]"),
    "settings": click.option(
        "--set",
        "settings",
        metavar="KEY=VALUE",
        multiple=True,
        help="Any other hyperparameter that the network declares; may be repeated.",
    ),
    "transform": click.option(
        "--transform",
        metavar="NAME|FILE",
        help="norm, echo_64_flip, ..., or a file that defines transform(norm). [the data set's]",
    ),
    "metric": click.option("--metric", help="What to score by. [the task's]"),
    "seed": click.option(
        "--seed",
        type=SEED,
        help="Of weights, order and augmentation: the same seed, the same scores. [0]",
    ),
    "amp": click.option(
        "--amp/--no-amp", default=None, help="Automatic mixed precision, where the device gains."
    ),
    "checkpointing": click.option(
        "--checkpointing/--no-checkpointing",
        default=None,
        help="Gradient checkpointing, in networks that offer it.",
    ),
}

_LIMITS = {
    "timeout": click.option(
        "--timeout", type=Positive(1e9), metavar="SECONDS", help="Wall time that a network gets."
    ),
    "memory": click.option(
        "--memory", type=Positive(1e6), metavar="GIB", help="Memory that a network gets. [4]"
    ),
    "threads": click.option("--threads", type=COUNT, help="CPU threads of a worker."),
    "device": click.option(
        "--device", help="cpu, cuda, cuda:N, or several as cuda:0,cuda:1. [cpu]"
    ),
    "unsafe": click.option(
        "--unsafe",
        is_flag=True,
        help="Run networks without isolation: only for files that you trust.",
    ),
    "engine": click.option(
        "--engine",
        metavar="NAME",
        default="local",
        show_default=True,
        help="Where networks run: on this machine, or where an installed package has workers.",
    ),
}

artifacts_option = click.option(
    "--artifacts",
    metavar="PLACE",
    help="Where weights are: a folder or a URL. [$LEMUR2_ARTIFACTS, or beside the corpus]",
)

_KEEP = {
    "keep": click.option(
        "--keep",
        type=click.Choice(["best", "last", "none"]),
        default="best",
        show_default=True,
        help="Weights to keep of a training: those of the best epoch, of the last one, none.",
    ),
    "keep_top": click.option(
        "--keep-top",
        type=COUNT,
        default=3,
        show_default=True,
        help="Of a run of many networks, keep the weights of so many best ones.",
    ),
    "keep_budget": click.option(
        "--keep-budget",
        type=POSITIVE,
        metavar="GIB",
        help="Keep no more weights where all that are kept would be larger. [no bound]",
    ),
    "artifacts": artifacts_option,
}

LIMITS = tuple(_LIMITS)
"""Names of the parameters that `limit_options` adds."""
