"""Tasks by name: the built-in ones, and third parties' by the entry-point group `lemur2.tasks`."""

from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points

from lemur2.errors import UsageError, UserError
from lemur2.tasks.base import Task
from lemur2.tasks.classification import ImageClassification
from lemur2.tasks.text_generation import TextGeneration

ENTRY_POINTS = "lemur2.tasks"

_BUILT_IN: dict[str, type[Task]] = {
    kind.name: kind for kind in (ImageClassification, TextGeneration)
}


def task_names() -> tuple[str, ...]:
    """Names of all known tasks, sorted."""
    return tuple(sorted({*_BUILT_IN, *(point.name for point in _installed())}))


def task(name: str) -> Task:
    """The task of that name.

    Raises:
        UsageError: No task has it; the message gives the names that come close.
        UserError: An installed package announces it, but it cannot be loaded.
    """
    if name in _BUILT_IN:
        return _BUILT_IN[name]()
    for point in _installed():
        if point.name == name:
            return _load(point)
    close = get_close_matches(name, task_names()) or task_names()
    raise UsageError(f"no task is called {name!r}; did you mean {' or '.join(close)}?")


def _installed() -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=ENTRY_POINTS))


def _load(point: EntryPoint) -> Task:
    try:
        kind = point.load()
    except (ImportError, AttributeError) as error:
        raise UserError(
            f"task {point.name!r} cannot be loaded from {point.value!r} ({error}); "
            "repair or remove the package that announces it"
        ) from error
    if not (isinstance(kind, type) and issubclass(kind, Task)):
        raise UserError(f"task {point.name!r} at {point.value!r} is not a subclass of Task")
    return kind()
