"""One sandbox for all tests of a session, and every network in it screened and traced once."""

import functools

import pytest

from lemur2.evaluation.engine import LocalEngine
from lemur2.evaluation.evaluator import Evaluator
from lemur2.generators.mutation import generator


@pytest.fixture(scope="session")
def engine():
    with LocalEngine(workers=1) as engine:
        yield engine


@pytest.fixture
def shared_sandbox(request, monkeypatch):
    """Generators that open a sandbox get this one; what is asked of it again is remembered."""
    monkeypatch.setattr(generator, "open_engine", lambda: request.getfixturevalue("engine"))
    monkeypatch.setattr(generator, "close_engine", lambda engine: None)
    for name in ("trace", "screen_with_outline"):
        monkeypatch.setattr(Evaluator, name, _remembered(getattr(Evaluator, name)))


_KNOWN = {}


def _remembered(method):
    @functools.wraps(method)
    def ask(self, source, task, sizes, **options):
        key = (method.__name__, source, task.name, tuple(sizes), tuple(options.items()))
        if key not in _KNOWN:
            _KNOWN[key] = method(self, source, task, sizes, **options)
        return _KNOWN[key]

    return ask
