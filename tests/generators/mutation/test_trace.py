"""What a worker says of a network is checked before anything is made of it."""

import copy

import pytest
from mutation_nets import net

from lemur2.architecture import Refusal, Verdict
from lemur2.evaluation.jobs import TraceNetwork
from lemur2.generators.mutation import Trace
from lemur2.tasks import task

SOURCE = net(
    """
self.conv = nn.Conv2d(in_shape[1], 8, 3)
self.fc = nn.Linear(8, out_shape[0])
""",
    "return self.fc(torch.relu(self.conv(x)).mean((2, 3)))",
)


@pytest.fixture(scope="module")
def raw(engine):
    kind = task("img-classification")
    job = TraceNetwork.at_sizes(SOURCE, kind, kind.input_sizes)
    told = []

    class Heard(TraceNetwork):
        def report(self, reply, seconds):
            told.append(reply["trace"])
            return super().report(reply, seconds)

    engine.run(Heard(**vars(job)))
    return told[0]


def test_a_trace_tells_sizes_and_calls(raw):
    trace = Trace.read(raw)
    conv = next(each for each in trace.modules if each.name == "conv")
    assert trace.shape(conv.parameters["weight"]) == (8, 3, 3, 3)
    assert conv.short == "Conv2d"
    line = SOURCE.splitlines()[conv.stack[0][0] - 1]
    assert line[conv.stack[0][1] : conv.stack[0][3]] == "nn.Conv2d(in_shape[1], 8, 3)"
    assert [name for name, _ in trace.functions if name == "relu"] == ["relu"]
    assert not trace.unknown


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("nodes", [["lit", 10**6]]),
        ("nodes", [["add", 0, 1]]),
        ("nodes", [["exec", 0]]),
        ("values", []),
        ("values", ["9" * 9]),
        ("equal", [[0, -1, "", "", 0]]),
        ("conditions", [["like", 0, 0, True, 1]]),
        ("modules", [{}]),
        ("modules", 3),
        ("names", {"nn": "import os; x"}),
        ("sites", [["lit"]]),
        ("size", None),
    ],
)
def test_nonsense_is_refused(raw, key, value):
    broken = copy.deepcopy(raw)
    broken[key] = value
    with pytest.raises(Refusal) as refused:
        Trace.read(broken)
    assert refused.value.verdict is Verdict.FORBIDDEN
