"""Weights: kept with their trial, found again, let go; whatever ends the process."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from driving import train
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

from lemur2.architecture import Candidate, Refusal, Verdict
from lemur2.architecture.zoo import zoo_source
from lemur2.corpus import Corpus, Epoch, Outcome, TrialResult, Weights
from lemur2.corpus.artifacts import artifact_store
from lemur2.errors import UserError
from lemur2.evaluation import Protocol
from lemur2.evaluation.jobs import Judge, Train
from lemur2.evaluation.plan import Plan
from lemur2.evaluation.weights import from_bytes, plan_from_text, to_bytes
from lemur2.loop.keeping import Keeper, Keeping, Podium, prune, surplus

LENET = zoo_source("LeNet")


@pytest.fixture(scope="module")
def plan():
    return Plan.of(Protocol(dataset="digits", epochs=2))


def test_kept_weights_give_the_score_that_was_recorded(engine, plan):
    """To the last digit, of the best epoch; a network of these weights alone is asked."""
    trial = engine.run(Train(source=LENET, plan=plan, keep="best"))
    best = max(trial.epochs, key=lambda epoch: epoch.score)
    assert trial.weights.epoch == best.epoch
    assert plan_from_text(trial.weights.plan) == plan
    weights = from_bytes(trial.weights.data, "x")
    inputs, targets = plan.data.inputs("validation"), plan.data.targets("validation")
    judge = Judge(source=LENET, plan=plan, weights=weights, inputs=inputs, targets=targets)
    assert (engine.run(judge).argmax(-1) == targets).mean() == best.score


def test_the_last_weights_or_none(engine, plan):
    last = engine.run(Train(source=LENET, plan=plan, keep="last"))
    assert last.weights.epoch == 2
    assert train(engine, LENET, plan).weights is None
    assert replace(last, weights=None).epochs[-1].score == last.score


def test_a_refused_training_keeps_nothing(engine, plan):
    head = "def learn(self, train_data) -> None:"
    broken = LENET.replace(head, f"{head}\n        1 / 0")
    trial = engine.run(Train(source=broken, plan=plan, keep="last"))
    assert trial.verdict is Verdict.TRAIN
    assert trial.weights is None


def test_training_goes_on_from_weights(engine, plan):
    once = engine.run(Train(source=LENET, plan=plan, keep="last"))
    begun = from_bytes(once.weights.data, "x")
    more = engine.run(Train(source=LENET, plan=plan, start=begun))
    fresh = engine.run(Train(source=LENET, plan=plan))
    assert more.epochs[0].loss < fresh.epochs[0].loss
    assert more.epochs[0].loss == pytest.approx(once.epochs[-1].loss, abs=0.3)


@given(
    st.dictionaries(
        st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=9),
        st.sampled_from(["float32", "float64", "int64", "uint8", "bool", "float16"]),
        max_size=5,
    )
)
def test_weights_come_back_as_they_were(names):
    arrays = {
        name: np.arange(6).reshape(2, 3).astype(dtype) for name, dtype in sorted(names.items())
    }
    arrays["empty"] = np.zeros((0, 3), np.float32)
    arrays["number"] = np.array(3.0)
    data = to_bytes(arrays)
    back = from_bytes(data, "x")
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        assert np.array_equal(back[name], array)
    assert to_bytes(dict(reversed(list(arrays.items())))) == data


@pytest.mark.parametrize("name", ["", "a\x1b[2J", "a" * 501])
def test_names_that_are_none_are_forbidden(name):
    with pytest.raises(Refusal) as refused:
        to_bytes({name: np.zeros(1)})
    assert refused.value.verdict is Verdict.FORBIDDEN


@pytest.mark.parametrize(
    "data",
    [b"", b"no weights", b"\xff" * 64, to_bytes({"a": np.zeros(9)})[:-1], b"\x80\x04K\x01."],
    ids=["empty", "text", "a long head", "cut", "a pickle"],
)
def test_what_is_no_safetensors_file_is_one_line(data):
    with pytest.raises(UserError, match="holds no weights in the safetensors format") as told:
        from_bytes(data, "file.bin")
    assert "\n" not in str(told.value)


# -- the store -------------------------------------------------------------------------------------


@pytest.fixture(params=["folder", "url"])
def store(request, tmp_path):
    return artifact_store(
        str(tmp_path / "kept") if request.param == "folder" else f"memory://{tmp_path}"
    )


def test_a_file_is_known_by_its_content(store):
    digest = store.put(b"abc")
    assert digest == hashlib.sha256(b"abc").hexdigest() == store.put(b"abc")
    assert store.get(digest) == b"abc"
    other = store.put(b"def")
    assert store.prune({digest}).files == 1
    assert store.get(digest) == b"abc"
    with pytest.raises(UserError, match="are not in"):
        store.get(other)


def test_a_damaged_file_is_never_used(tmp_path):
    store = artifact_store(str(tmp_path))
    digest = store.put(b"abc")
    (tmp_path / digest[:2] / f"{digest}.safetensors").write_bytes(b"abd")
    with pytest.raises(UserError, match="damaged"):
        store.get(digest)


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_a_digest_from_outside_is_no_path(store, digest):
    with pytest.raises(UserError, match="no SHA-256"):
        store.get(digest)


def test_what_was_half_written_is_pruned(tmp_path):
    store = artifact_store(str(tmp_path))
    digest = store.put(b"abc")
    (tmp_path / digest[:2] / ".0123.part").write_bytes(b"ab")
    assert store.prune({digest}).files == 1
    assert [path.name for path in tmp_path.rglob("*.*") if path.is_file()] == [
        ".lock" if path.name == ".lock" else f"{digest}.safetensors"
        for path in tmp_path.rglob("*.*")
        if path.is_file()
    ]


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "kept").write_text("a file")
    with pytest.raises(UserError, match="cannot be written to"):
        artifact_store(str(tmp_path / "kept")).put(b"abc")


# -- which are kept --------------------------------------------------------------------------------


def outcome(index, score, metric="acc"):
    epoch = Epoch(epoch=1, score=score, loss=None, seconds=1.0, memory=1)
    trial = TrialResult(
        task="img-classification",
        dataset="digits",
        metric=metric,
        transform="norm",
        hyperparameters={},
        seed=0,
        verdict=Verdict.OK,
        epochs=(epoch,),
    )
    candidate = Candidate(source=f"# {index}", generator="test")
    return Outcome(
        candidate=candidate, name=f"N{index}", digest=f"d{index}", verdict=Verdict.OK, trial=trial
    )


@given(
    st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4]), min_size=1, max_size=12),
    st.integers(1, 4),
    st.randoms(use_true_random=False),
)
def test_the_best_are_kept_in_whatever_order_they_come(scores, places, chance):
    kept: set[int] = set()
    order = list(range(len(scores)))
    chance.shuffle(order)
    podium = Podium(places)
    for index in order:
        kept.add(index)
        leaving = podium.add(index, outcome(index, scores[index]))
        kept.discard(leaving)
    ranked = sorted(range(len(scores)), key=lambda index: (-scores[index], index))
    assert kept == set(ranked[:places])


def test_the_lowest_are_kept_where_lower_is_better(error_rate):
    podium = Podium(1)
    assert podium.add(0, outcome(0, 0.2, error_rate)) is None
    assert podium.add(1, outcome(1, 0.1, error_rate)) == 0
    assert podium.add(2, outcome(2, 0.3, error_rate)) == 2


@pytest.fixture
def corpus(tmp_path):
    with Corpus.open(tmp_path / "c.db", create=True) as corpus:
        yield corpus


def kept_trial(corpus, keeper, name, data, score=0.5):
    if corpus.architecture(name) is None:
        corpus.add_architecture(name=name, source=f"# {name}", digest=f"d-{name}")
    trial = corpus.begin_trial(
        name,
        task="img-classification",
        dataset="digits",
        metric="acc",
        transform="norm",
        hyperparameters={},
        seed=0,
        environment={},
    )
    corpus.add_epoch(trial, Epoch(epoch=1, score=score, loss=None, seconds=1.0, memory=1))
    found = replace(outcome(0, score).trial, weights=Weights(epoch=1, data=data, plan="{}"))
    with keeper.stored(found) as stored:
        corpus.finish_trial(trial, Verdict.OK, artifact=stored.artifact)
    return trial


def test_one_file_for_equal_weights(corpus):
    keeper = Keeper(corpus, Keeping())
    trials = [kept_trial(corpus, keeper, name, b"same") for name in ("A", "B")]
    assert len(corpus.artifact_digests()) == 1
    assert corpus.let_go(trials[:1]) == set()
    assert len(corpus.let_go(trials[1:])) == 1


def test_no_more_than_the_budget(corpus):
    keeper = Keeper(corpus, Keeping(budget=10))
    kept_trial(corpus, keeper, "A", b"12345678")
    kept_trial(corpus, keeper, "B", b"abc")
    assert [each.name for each in corpus.artifacts()] == ["A"]
    assert keeper.left_out == 1


def test_what_is_too_much_goes(corpus):
    keeper = Keeper(corpus, Keeping())
    scores = {"one": 0.3, "two": 0.9, "three": 0.6}
    trials = [kept_trial(corpus, keeper, "A", each.encode(), scores[each]) for each in scores]
    other = kept_trial(corpus, keeper, "B", b"other")
    assert surplus(corpus.artifacts(), 1, None) == [trials[0], trials[2]]
    assert surplus(corpus.artifacts(), None, 8) == trials[:3]
    assert surplus(corpus.artifacts(), None, None) == []
    corpus.let_go([*trials])
    assert prune(corpus, keeper.store).files == 3
    assert [each.trial_id for each in corpus.artifacts()] == [other]


GROW = ["grow", "zoo", "-n", "6", "--dataset", "digits", "--max-flops", "2e6", "--keep-top", "2"]


@pytest.mark.long
def test_killed_at_random_instants(tmp_path):
    """Every file that is named is there and whole, and none other after a clean-up."""
    place, chance = tmp_path / "c.db", random.Random(0)
    command = [sys.executable, "-m", "lemur2"]
    verb = [*GROW, "--workers", "2"]
    for _ in range(4):
        process = subprocess.Popen(
            [*command, *verb, "--db", str(place)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(chance.uniform(4, 9))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if place.exists():
            _check_artifacts(place)
            with Corpus.open(place) as corpus:
                if corpus.runs():
                    verb = ["resume", "1", "--keep-top", "2"]
    subprocess.run([*command, *verb, "--db", str(place)], check=True, capture_output=True)
    with Corpus.open(place) as corpus:
        prune(corpus, corpus.artifact_store())
        names = {path.stem for path in (tmp_path / "c.db.artifacts").glob("??/*")}
        assert names == corpus.artifact_digests()
        best = sorted((o.score for o in corpus.outcomes(1).values() if o.score), reverse=True)
        assert sorted((each.score for each in corpus.artifacts()), reverse=True) == best[:2]


def _check_artifacts(place):
    with Corpus.open(place) as corpus:
        for each in corpus.artifacts():
            assert load(corpus.artifact_store().get(each.artifact.digest))


# -- the command line ------------------------------------------------------------------------------


def test_weights_from_the_command_line(tmp_path):
    def lemur2(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "lemur2", *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        return done.returncode, done.stdout, done.stderr

    assert lemur2("train", "LeNet", "--dataset", "digits")[0] == 0
    code, out, _ = lemur2("weights", "list", "--json")
    (row,) = map(json.loads, out.splitlines())
    assert (code, row["name"], row["epoch"], row["dataset"]) == (0, "LeNet", 1, "digits")
    assert lemur2("weights", "export", "LeNet", "--out", "a.safetensors")[0] == 0
    data = (tmp_path / "a.safetensors").read_bytes()
    assert hashlib.sha256(data).hexdigest() == row["sha256"]
    weights = load(data)
    weights["output.weight"] = weights["output.weight"][:3]
    weights["other"] = np.zeros(1, np.float32)
    (tmp_path / "b.safetensors").write_bytes(save(weights))
    code, _, err = lemur2("train", "LeNet", "--dataset", "digits", "--init", "b.safetensors")
    assert code == 0
    assert "begins with 9 given weights" in err
    assert "output.weight (another shape)" in err
    assert "other (not in the network)" in err
    code, _, err = lemur2("train", "AlexNet", "--dataset", "digits", "--from", "1")
    assert (code, "is of LeNet, not of AlexNet" in err) == (1, True)
    assert lemur2("runs", "remove", "1", "2", "--yes")[0] == 0
    assert json.loads(lemur2("weights", "prune", "--json")[1])["files"] == 2
    code, _, err = lemur2("predict", "LeNet", "a.png")
    assert (code, "no weights of LeNet are kept" in err or "no network LeNet" in err) == (1, True)
