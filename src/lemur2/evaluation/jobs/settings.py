"""The job that reads the default values of an installed library's configuration classes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from lemur2.architecture import Refusal
from lemur2.evaluation import reading
from lemur2.evaluation.jobs.base import Bench, Job, Place, give, on
from lemur2.evaluation.jobs.installed import Installed
from lemur2.sandbox import Awaited, Sandbox
from lemur2.sandbox.awaited import MIB
from lemur2.texts import LONGEST_TEXT, printable

_SETTINGS = 2_000  # names in a configuration
_DEEPEST = 8
_TEXT = 5_000  # characters

Settings = dict[str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class ReadSettings(Job[Settings]):
    """Reads default values by qualified name of the class; those of what it got to.

    Attributes:
        modules: Dotted names of modules, which the worker imports.
        wall_seconds: After which its process is ended.
        installed: What is installed here.
    """

    name: ClassVar[str] = "settings"
    carries: ClassVar[bool] = False

    modules: tuple[str, ...]
    wall_seconds: float = 600.0
    installed: Installed = field(default_factory=Installed.here)

    @classmethod
    def example(cls, top: str = "") -> Self:
        """See `Job.example`: a module without configuration classes."""
        return cls(modules=("torch.nn",), wall_seconds=60.0)

    def do(self, place: Place, listener: Any = None) -> Settings:
        """See `Job.do`."""
        return on(place, self._read)

    def _read(self, sandbox: Sandbox) -> Settings:
        deadline = time.monotonic() + self.wall_seconds
        awaited = Awaited(json=8 * MIB, verdicts=reading.LOADED)
        found: Settings = {}
        with contextlib.suppress(Refusal), sandbox.worker() as worker:
            give(self, worker, sandbox, deadline)
            for module in self.modules:
                reply, _ = worker.receive(deadline=deadline, awaited=awaited)
                for name, values in read_settings(reply).items():
                    found[f"{module}.{name}"] = values
        return found

    def work(self, bench: Bench) -> None:
        """Read them, a message for every module."""
        from lemur2.evaluation.blocks import configurations

        configurations.look_installed(self.installed.versions, self.installed.providers)
        for module in self.modules:
            try:
                found = configurations.default_settings(module)
            except Refusal:
                found = {}
            bench.channel.send({"settings": found})


def read_settings(reply: Mapping[str, Any]) -> Settings:
    """Values of configuration classes by name. Raises Refusal."""
    with reading.readable():
        return {
            reading.argument(name): _setting(dict(values), _DEEPEST)
            for name, values in reading.few(reply["settings"]).items()
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
        return printable(value[:_TEXT])
    if isinstance(value, int) and abs(value) > reading.MOST:
        raise ValueError("a number that is too large")
    return value


def _key(name: str) -> str:
    if len(name) > LONGEST_TEXT or not name.isprintable():
        raise ValueError("a name that is none")
    return name
