"""BlockValidator: static checks here, everything that runs on an engine."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from lemur2.evaluation.engines import Engine
from lemur2.evaluation.jobs import ReadSettings, TryBlock
from lemur2.retrieval.assembly.standalone import closed_to
from lemur2.retrieval.library.stages import Stage
from lemur2.retrieval.library.validation import Validation

_CONFIGURATIONS = 3  # classes that are tried for one block

Settings = Mapping[str, Mapping[str, Any]]


class BlockValidator:
    """Finds out how far blocks get (paper, section 9.4.2).

    Args:
        engine: An entered one; where blocks run.
        search_seconds: CPU time after which a block's arguments and inputs are looked for no
            longer; what was reached by then counts.
        wall_seconds: After which its process is ended.
    """

    def __init__(
        self, engine: Engine, *, search_seconds: float = 3.0, wall_seconds: float = 30.0
    ) -> None:
        self._engine = engine
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
        submitted = self.submit(source, class_name, configurations=configurations, calls=calls)
        return submitted.result()

    def check(self, source: str, packages: tuple[str, ...] = ()) -> Validation | None:
        """The stages that nothing is run for: where a block stops there, else None.

        For one thread at a time: Python 3.11 counts the depth of its parser once for all threads.
        """
        stage, reason = closed_to(source, packages)
        return None if stage is Stage.CLOSED else Validation(stage=stage, reason=reason)

    def submit(
        self,
        source: str,
        class_name: str,
        *,
        configurations: Sequence[Mapping[str, Any]] = (),
        calls: Sequence[Mapping[str, str]] = (),
    ) -> Future[Validation]:
        """Have the stages after `check` run when a worker is free; see `validate`."""
        job = TryBlock(
            source=source,
            target=class_name,
            configurations=tuple(configurations),
            calls=tuple(calls),
            search_seconds=self._search,
            wall_seconds=self._wall,
        )
        return self._engine.submit(job)

    def default_settings(self, modules: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The default values of configuration classes, by qualified name.

        Args:
            modules: Dotted names of an installed library's modules, which a worker imports.
        """
        job = ReadSettings(modules=tuple(modules), wall_seconds=20 * self._wall)
        return self._engine.run(job)


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
