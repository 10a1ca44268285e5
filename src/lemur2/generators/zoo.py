"""The hand-written seed architectures, proposed one by one: what a corpus starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from lemur2.architecture import Candidate
from lemur2.architecture.zoo import zoo_names, zoo_source
from lemur2.errors import UsageError
from lemur2.loop import Generator
from lemur2.tasks import task


@dataclass(frozen=True, kw_only=True)
class ZooConfig:
    """Which of the zoo to propose."""

    task: str = field(
        default="img-classification", metadata={"help": "the architectures for this task"}
    )
    names: tuple[str, ...] = field(
        default=(), metadata={"help": "only these; all for the task by default"}
    )

    def __post_init__(self) -> None:
        known = zoo_names(task(self.task).name)
        if not known:
            raise UsageError(f"the zoo has no networks for task {self.task}")
        for name in self.names:
            if name not in known:
                zoo_source(name)  # raises where no task has it
                raise UsageError(f"{name} is not for {self.task}; name its task with --task")


class ZooGenerator(Generator[ZooConfig]):
    """Proposes the zoo's architectures, in the order of their names (or that of the config)."""

    name: ClassVar[str] = "zoo"
    about: ClassVar[str] = "the hand-written seed architectures"
    Config = ZooConfig

    def __init__(self, config: ZooConfig, seed: int) -> None:
        super().__init__(config, seed)
        self._next = 0
        self._names = self.config.names or tuple(zoo_names(config.task))

    def ask(self, limit: int) -> Sequence[Candidate]:
        """The next ones; none when all were given."""
        names = self._names[self._next : self._next + limit]
        self._next += len(names)
        return [Candidate(source=zoo_source(n), generator=self.name, name=n) for n in names]

    def state(self) -> Mapping[str, Any]:
        """How many were given."""
        return {"next": self._next}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on after those."""
        self._next = state["next"]
