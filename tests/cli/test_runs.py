"""The ledger for people: `runs show`, `runs remove`, failures by verdict, failed starts."""

import csv
import io
import json

import pytest
from click.testing import CliRunner

from lemur2.architecture import Candidate, Verdict
from lemur2.cli import main
from lemur2.corpus import Corpus, Outcome
from lemur2.errors import UserError
from lemur2.evaluation import Limits, Protocol
from lemur2.evaluation.engines import LocalEngine
from lemur2.evaluation.plan import Plan
from lemur2.generators.zoo import ZooConfig, ZooGenerator
from lemur2.loop import Settings, alone, grow, start_run
from lemur2.loop.ending import working_on


def test_attempts_of_a_run(lemur2, db):
    rows = lemur2("runs", "show", 1, "--db", db, "--json").lines
    assert [row["name"] for row in rows] == ["F-0", "F-1", "F-2", "F-3"]
    assert [row["verdict"] for row in rows] == ["ok", "ok", "build", None]
    assert [row["score"] for row in rows] == [0.52, 0.62, None, None]
    assert rows[2]["reason"] == "no"
    assert set(rows[0]) == {
        *("run", "index", "name", "generator", "verdict", "reason"),
        *("dataset", "metric", "score", "seconds"),
    }


def test_attempts_as_a_table(lemur2, db, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    ended = lemur2("runs", "show", 1, "--db", db)
    assert "run 1: grow fractal on digits, interrupted, 3 of 4 done, best acc 0.6200" in ended.out
    assert "pending" in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80
    assert "F-2" in lemur2("runs", "show", 1, "--db", db, "--verdict", "build").out
    assert "F-0" not in lemur2("runs", "show", 1, "--db", db, "--verdict", "build").out
    none = lemur2("runs", "show", 1, "--db", db, "--verdict", "crash")
    assert "nothing in run 1 ended in `crash`" in none.out
    assert len(lemur2("runs", "show", 1, "--db", db, "--json", "-n", 2).lines) == 2


def test_options_before_the_verb_count(lemur2, db):
    assert len(lemur2("runs", "--json", "--db", db, "show", 1).lines) == 4


def test_a_run_that_is_not_there(lemur2, db):
    for verb in ("show", "remove"):
        ended = lemur2("runs", verb, 7, "--db", db)
        assert ended.code == 1
        assert ended.err == "lemur2: error: there is no run 7; `lemur2 runs` lists them\n"


@pytest.mark.parametrize("width", [40, 80])
def test_the_ledger_fits(lemur2, db, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    out = lemur2("runs", "--db", db).out
    assert max(map(len, out.splitlines())) <= width
    assert "fractal" in out


def test_failures_by_verdict(lemur2, db):
    (row,) = lemur2("data", "--db", db, "--verdict", "build", "--json").lines
    expected = {"name": "F-2", "generator": "fractal", "verdict": "build", "reason": "no"}
    assert expected.items() <= row.items()
    assert (row["score"], row["run"]) == (None, 1)
    assert "F-2" in lemur2("data", "--db", db, "--verdict", "build").out
    assert "nothing ended in `crash`" in lemur2("data", "--db", db, "--verdict", "crash").out
    assert lemur2("data", "--db", db, "--verdict", "build", "--nn", "F-1", "--json").lines == []
    assert lemur2("data", "--db", db, "--verdict", "build", "--csv").out.splitlines()[1] == (
        "1,2,F-2,fractal,build,no,digits,,,0.0"
    )


def test_what_is_of_trials_is_refused_for_failures(lemur2, db):
    ended = lemur2("data", "--db", db, "--verdict", "build", "--best")
    assert ended.code == 2
    assert "--best has no meaning with --verdict build" in ended.err


def test_runs_are_removed(lemur2, db):
    ended = lemur2("runs", "remove", 1, "--db", db)  # nobody says yes
    assert ended.code != 0
    assert len(lemur2("runs", "--db", db, "--json").lines) == 1
    ended = lemur2("runs", "remove", 1, "--yes", "--db", db)
    assert (ended.code, ended.out) == (0, "removed 1 run: 4 attempts, 2 trials, 2 networks\n")
    assert lemur2("runs", "--db", db, "--json").lines == []
    assert lemur2("data", "--db", db, "--json").lines == []


def test_who_says_no_has_nothing_removed(db):
    ended = CliRunner().invoke(main, ["runs", "remove", "1", "--db", str(db)], input="n\n")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.endswith("nothing was removed\n")
    with Corpus.open(db) as corpus:
        assert len(corpus.runs()) == 1


def test_a_run_that_cannot_start_leaves_no_row(lemur2, tmp_path):
    place = tmp_path / "c.db"
    asked = ("grow", "fractal", "-n", 2, "--dataset", "digits", "--db", place)
    ended = lemur2(*asked, "--device", "cuda:99")
    assert ended.code == 1
    assert "torch finds no device cuda:99" in ended.err
    assert lemur2("runs", "--db", place, "--json").lines == []


def test_the_same_command_is_refused_while_it_is_at_work(lemur2, tmp_path):
    place = tmp_path / "c.db"
    plan = Plan.of(Protocol(dataset="digits"))
    generator = ZooGenerator(ZooConfig(names=("LeNet",)), 0)
    settings = Settings(total=1)
    asked = ("grow", "zoo", "--names", "LeNet", "-n", 1, "--dataset", "digits", "--db", place)
    with (
        Corpus.open(place, create=True) as corpus,
        alone(corpus, generator, plan, settings),
    ):
        run = start_run(corpus, generator, plan, Limits(), settings)
        with corpus.claimed(run):
            ended = lemur2(*asked)
        assert len(corpus.runs()) == 1
    assert ended.code == 1
    assert ended.err == (
        "lemur2: error: run 1 is just this one, and is at work in another process; wait for it, "
        "or change --seed\n"
    )


def test_a_run_whose_generator_finds_nothing_to_begin_with_leaves_no_row(tmp_path):
    class Finicky(ZooGenerator):
        def meet(self, pool):
            raise UserError("the pool lacks what it takes")

    generator, plan = Finicky(ZooConfig(), 0), Plan.of(Protocol(dataset="digits"))
    with Corpus.open(tmp_path / "c.db", create=True) as corpus:
        run = start_run(corpus, generator, plan, Limits(), Settings(total=1))
        with pytest.raises(UserError, match="lacks"):
            grow(corpus, run, generator, plan, LocalEngine())
        assert corpus.runs() == []


def test_a_run_that_breaks_says_why(tmp_path):
    with Corpus.open(tmp_path / "c.db", create=True) as corpus:
        generator, plan = ZooGenerator(ZooConfig(), 0), Plan.of(Protocol(dataset="digits"))
        run = start_run(corpus, generator, plan, Limits(), Settings(total=1))
        with pytest.raises(MemoryError), working_on(corpus, run):
            raise MemoryError
        stored = corpus.run(run)
        assert (stored.status, stored.reason) == (
            "failed",
            "memory: the process had no more of it",
        )
        with working_on(corpus, run):
            assert corpus.run(run).reason == ""
        assert corpus.run(run).status == "finished"


def test_a_file_that_is_no_network_is_an_attempt(lemur2, tmp_path):
    place, file = tmp_path / "c.db", tmp_path / "broken.py"
    file.write_text("class Net(\n")
    assert lemur2("train", file, "--dataset", "digits", "--db", place).code == 1
    (run,) = lemur2("runs", "--db", place, "--json").lines
    assert (run["status"], run["verdict"], run["done"]) == ("failed", "syntax", 1)
    assert run["reason"].startswith("syntax: ")
    (row,) = lemur2("runs", "show", 1, "--db", place, "--json").lines
    assert (row["name"], row["verdict"], row["generator"]) == (str(file), "syntax", "train")
    with Corpus.open(place) as corpus:
        stages = {stage.stage: stage.count for stage in corpus.funnel()["train"]}
    assert (stages["asked"], stages["parses"]) == (1, 0)
    assert json.dumps(row)


def test_resuming_a_foreign_run_asks_before_it_sends_a_key(lemur2, tmp_path, monkeypatch):
    spec = "openai:https://models.example/v1#m"
    with Corpus.open(tmp_path / "theirs.db", create=True) as corpus:
        run = corpus.start_run(
            verb="grow",
            generator="fewshot",
            config={"generator": {"llm": spec}, "settings": {"total": 1, "window": 1}},
            seed=0,
            protocol={"dataset": "digits"},
            limits={},
            total=1,
            environment={},
        )
        corpus.finish_run(run, "interrupted", "")
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("LEMUR2_CACHE", str(tmp_path / "cache"))
    ended = lemur2("resume", str(run), "--db", tmp_path / "theirs.db")
    assert ended.code == 1
    assert "would get your $OPENAI_API_KEY" in ended.err
    ended = lemur2("resume", str(run), "--db", tmp_path / "theirs.db", "--llm", "embedded")
    assert ended.code == 2
    assert f"uses the model {spec}, not embedded" in ended.err


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"], ids=ascii)
def test_no_cell_of_a_table_of_attempts_is_a_formula(lemur2, db, start):
    name = f"{start}1+cmd"
    with Corpus.open(db) as corpus:
        candidate = Candidate(source="x = 2\n", generator="fractal", prefix="F")
        (index,) = corpus.advance(1, told=0, state={}, asked=[(candidate, name, "d9")])
        failed = {"verdict": Verdict.BUILD, "reason": name}
        corpus.record(1, index, Outcome(candidate=candidate, name=name, digest="d9", **failed))
    table = lemur2("data", "--db", db, "--verdict", "build", "--csv").out
    row = list(csv.DictReader(io.StringIO(table, newline="")))[-1]
    shown = name.replace("\r", " ")
    assert (row["name"], row["reason"]) == (f"'{shown}", f"'{shown}")
