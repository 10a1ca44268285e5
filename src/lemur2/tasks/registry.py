"""Tasks by name: ours, and third parties' by the entry-point group `lemur2.tasks`."""

from lemur2.registry import Registry
from lemur2.tasks.base import Task
from lemur2.tasks.classification import ImageClassification
from lemur2.tasks.text_generation import TextGeneration

DEFAULT_TASK = ImageClassification.name
"""The task of a network where nothing says it."""

_TASKS: Registry[Task] = Registry(
    "task",
    Task,  # type: ignore[type-abstract]
    "lemur2.tasks",
    {each.name: each for each in (ImageClassification, TextGeneration)},
)


def task_names() -> tuple[str, ...]:
    """Names of all known tasks."""
    return _TASKS.names()


def task_classes() -> dict[str, type[Task]]:
    """All tasks by name; a warning for each that cannot be loaded."""
    return _TASKS.classes()


def task(name: str) -> Task:
    """The task of that name.

    Raises:
        UsageError: There is none; the message gives the names that come close.
        UserError: An installed package announces it, but it cannot be loaded.
    """
    return _TASKS.find(name)()
