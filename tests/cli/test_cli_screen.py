"""`screen`: a corpus's own networks in the real sandbox, killed and resumed."""

import json

import pytest

from lemur2.architecture import canonical_digest, zoo_source
from lemur2.corpus import Corpus
from lemur2.corpus.query.screens import shares, unscreened
from lemur2.loop.corpus_screening import round_robin, select

NET = """
import torch
from torch import nn


def supported_hyperparameters():
    return {{"lr"}}


class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.layer = nn.Linear({inputs}, {width})
        self.drop = nn.Dropout({dropout})
        self.out = nn.Linear({width}, out_shape[0])

    def train_setup(self, prm):
        self.optimizer = torch.optim.{optimizer}(self.parameters(), lr=prm["lr"])

    def learn(self, train_data):
        pass

    def forward(self, x):
        return self.out(self.drop(self.layer(x.flatten(1))))
"""


def net(width: int, inputs: str = "in_shape[1] * in_shape[2] * in_shape[3]", **values) -> str:
    options = {"dropout": 0.5, "optimizer": "SGD", **values}
    return NET.format(width=width, inputs=inputs, **options)


SOURCES = {
    **{f"ga-{n}": net(n) for n in range(1, 7)},
    "alt-1": net(7, inputs="3 * 64 * 64"),
    "alt-2": net(6, dropout=0.1, optimizer="Adam"),  # the structure of ga-6
    "alt-3": net(8).replace("super().__init__()", "raise OSError('no weights')"),
    "alt-4": net(9).replace("self.out(self", "self.missing(self"),
    "alt-5": net(10).replace("def learn", "def teach"),
    "LSTM": zoo_source("LSTM"),
    "Painter": net(11),
}


@pytest.fixture
def place(tmp_path):
    """Networks of three families; one is of a task that is not known here."""
    path = tmp_path / "c.db"
    with Corpus.open(path, create=True) as corpus:
        for name, source in SOURCES.items():
            corpus.add_architecture(name=name, source=source, digest=canonical_digest(source))
        corpus.begin_trial(
            "Painter",
            task="txt-image",
            dataset="coco",
            metric="clip",
            transform="",
            hyperparameters={},
            seed=0,
            environment={},
        )
    return path


def found_in(path) -> tuple[dict, dict]:
    """Verdicts of run 1 by network, and facts of all networks."""
    with Corpus.open(path) as corpus:
        verdicts = {o.name: (o.verdict.value, o.reason) for o in corpus.outcomes(1).values()}
        facts = {name: corpus.architecture(name).facts for name in SOURCES}
        assert corpus.run(1).status == "finished"
    known = ("input_size", "parameters", "flops", "structure_digest")
    return verdicts, {
        name: each and tuple(getattr(each, field) for field in known)
        for name, each in facts.items()
    }


def test_killed_and_resumed(lemur2, start_lemur2, place, tmp_path):
    plain = tmp_path / "plain.db"
    plain.write_bytes(place.read_bytes())
    ended = lemur2("screen", "--all", "--db", plain, "--json", "--workers", "2")
    assert ended.code == 0
    assert "1 networks are left out: no task txt-image is known" in ended.err
    assert len(ended.lines) == 12
    verdicts, facts = found_in(plain)
    assert verdicts["alt-3"][0] == "build"
    assert "no weights" in verdicts["alt-3"][1]
    assert {name: verdict for name, (verdict, _) in verdicts.items() if verdict != "ok"} == {
        "alt-3": "build",
        "alt-4": "shape",
        "alt-5": "contract",
    }
    assert facts["alt-1"][0] == 64
    assert facts["ga-1"][0] == 32
    assert facts["LSTM"] is not None
    assert facts["Painter"] is None

    with Corpus.open(place) as corpus:
        order = [each.name for each, _ in select(corpus).chosen]
    process = start_lemur2("screen", "--all", "--db", place, "--json", "--workers", "1")
    first = [json.loads(process.stdout.readline()) for _ in range(3)]
    process.kill()
    process.wait()
    assert [row["name"] for row in first] == order[:3]
    with Corpus.open(place) as corpus:
        assert corpus.run(1).status == "running"
        assert 3 <= corpus.run(1).done < 12
    assert lemur2("resume", 1, "--db", place).code == 0
    assert found_in(place) == (verdicts, facts)

    report = lemur2("screen", "--report", 1, "--db", place).out
    assert "12 of 12 networks screened" in report
    rows = {(s["family"], s["verdict"]): s for s in _report(lemur2, place)}
    assert (rows["alt", "build"]["count"], rows["alt", "build"]["n"]) == (1, 5)
    assert 0 < rows["alt", "build"]["low"] < 0.2 < rows["alt", "build"]["high"] < 1
    assert "no weights" in rows["alt", "build"]["reason"]
    assert "finished" in lemur2("resume", 1, "--db", place).out
    assert "nothing to screen" in lemur2("screen", "ga-1", "--db", place).err

    # The structure tier finds what differs in dropout and training only: alike, not the same.
    (twin,) = lemur2("dedupe", "--tier", "structure", "--db", place, "--json").lines
    assert {twin["name"], twin["representative"]} == {"ga-6", "alt-2"}


def _report(lemur2, place):
    return lemur2("screen", "--report", 1, "--db", place, "--json").lines


def test_all_families_have_their_turn(place):
    with Corpus.open(place) as corpus:
        found = unscreened(corpus)
        assert {each.name for each in found} == set(SOURCES)
        assert next(each for each in found if each.name == "Painter").tasks == ("txt-image",)
        order = round_robin(found, 5)
        families = [each.family for each in order]
        assert set(families[:4]) == {"ga", "alt", "LSTM", "Painter"}
        assert set(map(tuple, zip(families[4:12:2], families[5:12:2], strict=True))) in (
            {("ga", "alt")},
            {("alt", "ga")},
        )
        assert families[12:] == ["ga"]
        assert round_robin(found[::-1], 5) == order != round_robin(found, 6)
        chosen = select(corpus, families=["ga"], limit=2, seed=1).chosen
        assert [(each.family, task) for each, task in chosen] == [("ga", "img-classification")] * 2
        tasks = {each.name: task for each, task in select(corpus).chosen}
        assert tasks["LSTM"] == "txt-generation"
        assert "Painter" not in tasks
        assert shares(corpus, 99) == []


def test_a_run_of_another_verb_has_no_such_report(lemur2, db):
    ended = lemur2("screen", "--report", 1, "--db", db)
    assert ended.code == 2
    assert "`lemur2 grow`" in ended.err
    assert lemur2("screen", "--report", 9, "--db", db).code == 1
