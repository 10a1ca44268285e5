"""One sandbox for all tests of a session, and every network in it screened and traced once."""

import pytest

from lemur2.evaluation.engines import Engine, LocalEngine
from lemur2.evaluation.jobs import Screen, TraceNetwork
from lemur2.loop import Generator


@pytest.fixture(scope="session")
def engine():
    with LocalEngine(workers=1) as engine:
        yield engine


@pytest.fixture
def shared_sandbox(request, monkeypatch):
    """Generators that run code get this engine; what is asked of it again is remembered."""
    monkeypatch.setattr(
        Generator, "engine", property(lambda self: request.getfixturevalue("engine"))
    )
    run = Engine.run

    def remembered(engine, job, listener=None):
        if not isinstance(job, Screen | TraceNetwork):
            return run(engine, job, listener)
        if job not in _KNOWN:
            _KNOWN[job] = run(engine, job, listener)
        return _KNOWN[job]

    monkeypatch.setattr(Engine, "run", remembered)


_KNOWN = {}
