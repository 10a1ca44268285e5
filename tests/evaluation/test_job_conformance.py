"""Every registered job passes the suite, and so does one that a package brings in one file."""

import sys

import pytest

from lemur2.evaluation.jobs import job_class, job_names
from lemur2.testing.jobs import JobSuite

OURS = [job_class(name) for name in job_names()]


@pytest.mark.parametrize(
    "kind", [job_class(name) for name in job_names()], scope="class", indirect=True
)
class TestOurs(JobSuite):
    @pytest.fixture(scope="class")
    def kind(self, request):
        return request.param


COUNT_LAYERS = '''
"""A job that counts the layers of a network."""

from dataclasses import dataclass
from typing import ClassVar

from lemur2.evaluation.examples import SMALL_NETWORK
from lemur2.evaluation.jobs import Question
from lemur2.evaluation import reading
from lemur2.sandbox import Awaited


@dataclass(frozen=True, kw_only=True)
class CountLayers(Question[int]):
    name: ClassVar[str] = "count-layers"

    source: str

    @classmethod
    def example(cls, top=""):
        return cls(source=top + SMALL_NETWORK)

    @property
    def awaited(self):
        return Awaited(verdicts=reading.LOADED, lines=reading.lines(self.source))

    @classmethod
    def warm_up(cls):
        from lemur2.evaluation import network

    def answer(self, bench):
        from lemur2.evaluation import network

        module = network.load(self.source)
        prm = network.parameters(network.declared(module), {}, batch=2, transform="", epochs=1)
        net = network.build(module, (2, 3, 8, 8), (10,), prm, bench.device)
        return {"layers": len(list(net.modules()))}

    def report(self, reply, seconds):
        with reading.readable():
            return reading.count(reply["layers"])
'''


@pytest.fixture(scope="class")
def outside(tmp_path_factory):
    """An installed package with the job; its class."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "count_layers.py").write_text(COUNT_LAYERS)
    info = folder / "count_layers-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: count-layers\nVersion: 1.0\n")
    (info / "RECORD").write_text("count_layers.py,,\n")
    (info / "entry_points.txt").write_text(
        "[lemur2.jobs]\ncount-layers = count_layers:CountLayers\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield job_class("count-layers")
    sys.modules.pop("count_layers", None)


class TestOneFromOutside(JobSuite):
    @pytest.fixture(scope="class")
    def kind(self, outside):
        return outside

    def test_counts(self, kind, short_engine):
        assert short_engine.run(kind.example()) == 10
