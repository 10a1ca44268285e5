"""BlockValidator, the parent's side: static checks here, everything that runs in the sandbox."""

from __future__ import annotations

import contextlib
import functools
import re
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from lemur2.architecture import Refusal
from lemur2.evaluation import reports
from lemur2.retrieval.assembly.standalone import closed_to
from lemur2.retrieval.library.stages import Stage
from lemur2.retrieval.library.validation import Validation
from lemur2.sandbox import Sandbox, again

_CONFIGURATIONS = 3  # classes that are tried for one block

Settings = Mapping[str, Mapping[str, Any]]


class BlockValidator:
    """Finds out how far blocks get (paper, section 9.4.2). Threads may share one to `run` blocks.

    Args:
        sandbox: An entered one.
        search_seconds: CPU time after which a block's arguments and inputs are looked for no
            longer; what was reached by then counts.
        wall_seconds: After which its process is ended.
    """

    def __init__(
        self, sandbox: Sandbox, *, search_seconds: float = 3.0, wall_seconds: float = 30.0
    ) -> None:
        self._sandbox = sandbox
        self._search, self._wall = search_seconds, wall_seconds

    def validate(
        self,
        source: str,
        class_name: str,
        *,
        packages: tuple[str, ...] = (),
        configurations: Sequence[Mapping[str, Any]] = (),
        calls: Sequence[Mapping[str, str]] = (),
    ) -> Validation:
        """Take a block through all stages, as far as it gets.

        Args:
            source: The module that stands alone.
            class_name: The class in it.
            packages: Top-level names that it must not import.
            configurations: Values of configuration objects that it may want, likelier ones first.
            calls: Arguments that its origin constructs it with, texts by parameter.

        Returns:
            What was found; a process that dies or takes too long is a reason like any other.
        """
        refused = self.check(source, packages)
        if refused is not None:
            return refused
        return self.run(source, class_name, configurations=configurations, calls=calls)

    def check(self, source: str, packages: tuple[str, ...] = ()) -> Validation | None:
        """The stages that nothing is run for: where a block stops there, else None.

        For one thread at a time: Python 3.11 counts the depth of its parser once for all threads.
        """
        stage, reason = closed_to(source, packages)
        return None if stage is Stage.CLOSED else Validation(stage=stage, reason=reason)

    def run(
        self,
        source: str,
        class_name: str,
        *,
        configurations: Sequence[Mapping[str, Any]] = (),
        calls: Sequence[Mapping[str, str]] = (),
    ) -> Validation:
        """The stages after `check`, in the sandbox; see `validate`."""
        job = {
            "do": "block",
            "source": source,
            "target": class_name,
            "seconds": self._search,
            **_installed(),
            "hints": {"configs": list(configurations), "calls": list(calls)},
        }
        return again(lambda: self._followed(job))

    def _followed(self, job: Mapping[str, Any]) -> Validation:
        awaited = reports.trying(job["source"])
        started = time.monotonic()
        deadline = started + self._wall
        reached = Validation(stage=Stage.CLOSED)
        try:
            with self._sandbox.worker() as worker:
                worker.send(job, deadline=deadline)
                while True:
                    reply, _ = worker.receive(deadline=deadline, awaited=awaited)
                    reached = reports.block(reply, time.monotonic() - started)
                    if "stage" not in reply:
                        return reached
        except Refusal as refusal:
            return Validation(stage=reached.stage, reason=f"{refusal.verdict}: {refusal}")

    def default_settings(self, modules: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The default values of configuration classes, by qualified name.

        Args:
            modules: Dotted names of an installed library's modules, which the sandbox imports.
        """
        return again(lambda: self._settings(modules))

    def _settings(self, modules: Sequence[str]) -> dict[str, dict[str, Any]]:
        deadline = time.monotonic() + 20 * self._wall
        found: dict[str, dict[str, Any]] = {}
        with contextlib.suppress(Refusal), self._sandbox.worker() as worker:
            job = {"do": "settings", "modules": list(modules), **_installed()}
            worker.send(job, deadline=deadline)
            for module in modules:
                reply, _ = worker.receive(deadline=deadline, awaited=reports.trying(""))
                for name, values in reports.settings(reply).items():
                    found[f"{module}.{name}"] = values
        return found


@functools.cache
def _installed() -> dict[str, Any]:
    """The distributions of this environment, which workers may not list."""
    versions = {
        re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower(): found.version
        for found in metadata.distributions()
    }
    return {
        "versions": versions,
        "providers": {k: list(v) for k, v in metadata.packages_distributions().items()},
    }


def likely_configurations(
    settings: Settings, module: str, source: str, annotations: Sequence[str]
) -> list[Mapping[str, Any]]:
    """The configurations that a block of a module may want, likelier ones first.

    Those of the block's own package; first what its parameters are annotated with, then what has
    most of the attributes that its text reads.

    Args:
        settings: Values by qualified name of the configuration class.
        module: Of the block.
        source: Its text.
        annotations: Of its parameters.
    """
    package = module.rpartition(".")[0] + "."
    near = {name: values for name, values in settings.items() if name.startswith(package)}
    read = set(re.findall(r"\bconfig\.(\w+)", source))
    text = " ".join(annotations)

    def key(name: str) -> tuple[bool, int, str]:
        kind = name.rpartition(".")[2]
        return kind not in text, len(read - set(near[name])), name

    return [near[name] for name in sorted(near, key=key)[:_CONFIGURATIONS]]
