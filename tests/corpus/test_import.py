"""Importing a corpus in the field's layout."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from corpus_samples import grow, outcome
from field_files import (
    BAD,
    CIFAR,
    DEVICE,
    GOOD,
    MUTANT,
    PRM,
    TRIALS,
    UNREADABLE,
    expected_rows,
    net,
    record,
    second,
    write_folder,
    write_wheel,
)

import lemur2
from lemur2.architecture import Candidate, canonical_digest, content_name, whitespace_md5
from lemur2.corpus import Corpus
from lemur2.corpus.importing import Source, import_corpus, unfinished_imports
from lemur2.corpus.query.table import leaderboard
from lemur2.errors import UserError

HERE = Path(__file__).parent


def imported(place, source) -> dict:
    """Import, and give what the summary says."""
    with Corpus.open(place, create=True) as corpus:
        return import_corpus(corpus, source).to_json()


def content(place) -> dict:
    with Corpus.open(place, read_only=True) as corpus:
        return corpus.content_dump()


def stored_trials(corpus) -> list:
    return [(trial.id, trial.uid, trial.created) for trial in corpus.trials()]


@pytest.fixture
def wheel(tmp_path):
    return write_wheel(tmp_path / "good.whl", GOOD)


def test_every_row_is_there(wheel, place):
    imported(place, wheel)
    found = lemur2.data(db=place)
    rows = found[list(expected_rows(TRIALS)[0])].to_dict("records")
    for row in rows:  # the planned total is the one hyperparameter that records spell otherwise
        row["prm"].pop("epoch", None)
    assert sorted(rows, key=json.dumps) == sorted(expected_rows(TRIALS), key=json.dumps)
    assert set(found["provenance"]) == {"imported"}
    assert set(found["verdict"]) == {"ok"}
    assert found["seed"].isna().all()


def test_trainings_and_seconds(wheel, tmp_path):
    imported(tmp_path / "a.db", wheel)
    found = lemur2.data(db=tmp_path / "a.db", nn="AlexNet", dataset=["cifar-10", "mnist"])
    trainings = [
        (
            rows["dataset"].iloc[0],
            rows["epoch"].tolist(),
            rows["accuracy"].tolist(),
            rows["duration"].fillna(-1).tolist(),
        )
        for _, rows in found.groupby("trial")
    ]
    assert sorted(trainings) == [
        # 51 s after five epochs, 21 after two: ten for each of the three
        ("cifar-10", [1, 2], [0.4, 0.45], [4.0, 4.5]),
        ("cifar-10", [1, 2, 5], [0.5, 0.6, 0.7], [10.0, 11.0, 10.0]),
        ("mnist", [1, 2], [0.8, 0.85], [-1, -1]),
        ("mnist", [1, 2], [0.9, 0.92], [3.0, 3.0]),  # the slower one
        ("mnist", [1, 2], [0.95, 0.97], [2.0, 2.0]),
    ]
    planned = lemur2.data(db=tmp_path / "a.db", nn="AlexNet", dataset="mnist", epoch=1)
    assert [prm.get("epoch") for prm in planned["prm"]] == [2, 2, None]


def test_networks(wheel, tmp_path):
    imported(tmp_path / "a.db", wheel)
    with Corpus.open(tmp_path / "a.db", read_only=True) as corpus:
        mutant = corpus.architecture(MUTANT)
        assert mutant.family == "ast-dimension"
        assert mutant.parents == ("AlexNet",)
        assert mutant.digest == canonical_digest(net(2))
        assert mutant.hyperparameters == ("lr", "momentum")
        assert corpus.children("AlexNet") == [MUTANT]
        assert corpus.architecture("AlexNet").family == "AlexNet"
        assert corpus.source("my_net") == net(3, "CRLF").replace("\n", "\r\n")
        unreadable = corpus.architecture(UNREADABLE)
        assert (unreadable.digest, unreadable.imported) == ("", True)
        assert "invalid syntax" in unreadable.flagged
        assert corpus.known("") is None
        assert corpus.known(canonical_digest(net(4))) == "untrained"
    stored = {row["name"]: row for row in content(tmp_path / "a.db")["architectures"]}
    assert stored[MUTANT]["prefix"] == "ast-dimension-AlexNet"
    assert stored[MUTANT]["legacy_name"] == MUTANT
    assert "invalid syntax" in stored[UNREADABLE]["flagged"]
    assert "no class Net" in stored["no_contract"]["flagged"]
    assert stored["AlexNet"]["flagged"] is None


def test_flags(wheel, tmp_path):
    imported(tmp_path / "a.db", wheel)
    flagged = lemur2.data(db=tmp_path / "a.db", flagged=True)
    assert flagged[["task", "metric"]].values.tolist() == [["obj-detection", "map"]]
    assert "mAP" in flagged["flagged"][0]
    rest = lemur2.data(db=tmp_path / "a.db", flagged=False)
    assert len(rest) == len(lemur2.data(db=tmp_path / "a.db")) - 1
    assert rest["flagged"].isna().all()
    with Corpus.open(tmp_path / "a.db") as corpus:
        assert leaderboard(corpus, "coco") == []


def test_device_runs(wheel, tmp_path):
    imported(tmp_path / "a.db", wheel)
    (run,) = content(tmp_path / "a.db")["device_runs"]
    assert run[:2] == ["my_net", '{"cpu_info":{"cpu_cores":8,"a":[1]}}']
    assert run[2:10] == ["img-classification", "phone_16", "phone", "16", 1, 1, None, 349.0]
    assert json.loads(run[11]) == {
        "device_analytics": {"memory_info": DEVICE["device_analytics"]["memory_info"]}
    }


def test_summary_of_a_good_corpus(wheel, tmp_path):
    summary = imported(tmp_path / "a.db", wheel)
    summary.pop("examples")
    assert summary == {
        "read": {
            "device runs": 1,
            "epochs of trials": 16,
            "files of trials": len(TRIALS),
            "networks": 6,
            "transforms": 2,
        },
        "new": {
            "device runs": 1,
            "epochs": 16,
            "folders of trials": 5,
            "networks": 6,
            "parents told by names": 1,
            "transforms": 2,
            "trials": 9,
        },
        "fixed": {
            "durations shared evenly with epochs before them that are not recorded": 1,
            "durations since the start made seconds of an epoch": 10,
            "files that repeat a uid: a training for each time": 2,
            "stated epoch is not the file's: the file's is taken, the other is the plan": 2,
        },
        "flagged": {
            "epochs of detection mAP, which the source gets wrong": 1,
            "network does not keep the contract": 1,
            "network does not parse": 1,
        },
        "noted": {
            "epochs whose uid is no md5": 16,
            "epochs without a duration": 6,
            "files for epoch 0": 1,
            "files outside the layout": 4,
            "networks with CRLF line ends": 1,
            "networks without trials": 3,
        },
    }


def test_what_is_bad_is_refused_and_the_rest_is_stored(tmp_path, place):
    wheel = write_wheel(tmp_path / "bad.whl", {**GOOD, **BAD})
    summary = imported(place, wheel)
    assert summary["refused"] == {
        "device run: JSON, but not an object": 1,
        "device run: a folder that is not <task>_<network>": 1,
        "device run: there is no such network": 1,
        "epoch: a transform that is not text": 1,
        "epoch: a trial that is not an object": 1,
        "epoch: a trial without an accuracy": 1,
        "epoch: an accuracy that is not a number": 2,
        "file of trials: JSON, but not a list of trials": 1,
        "file of trials: not JSON": 2,
        "file of trials: the file's name is not <epoch>.json": 1,
        "folder of trials: a name that is not <task>_<dataset>_<metric>_<network>": 1,
        "folder of trials: there is no such network": 1,
        "source file: not UTF-8 text": 1,
    }
    assert summary["flagged"]["epoch without a score"] == 1
    assert summary["flagged"]["transform without a file"] == 1
    assert summary["examples"]["refused: epoch: a trial without an accuracy"] == [
        "ab/nn/stat/train/img-classification_mnist_acc_untrained/4.json[1]"
    ]
    good = imported(tmp_path / "good.db", write_wheel(tmp_path / "good.whl", GOOD))
    assert len(lemur2.data(db=place)) == good["new"]["epochs"] + 2
    rows = lemur2.data(db=place, nn="untrained")
    assert rows["accuracy"].fillna(-1).tolist() == [-1, 0.25]
    assert rows["prm"][1]["batch"] == 1 << 80
    assert rows["duration"].isna().all()


@pytest.mark.parametrize("root", ["", "ab/nn/", "nn-dataset-main/ab/nn/"])
def test_a_folder_gives_what_the_wheel_gives(wheel, tmp_path, root):
    folder = write_folder(tmp_path / "unpacked", {root + path: GOOD[path] for path in GOOD})
    write_folder(folder, {".git/nn/hidden.py": b"x", "ab/nn/nn/deep/er.py": b"x"})
    imported(tmp_path / "a.db", wheel)
    imported(tmp_path / "b.db", folder)
    assert content(tmp_path / "a.db") == content(tmp_path / "b.db")
    again = imported(tmp_path / "a.db", folder)
    assert "new" not in again


def test_again_changes_nothing(wheel, place):
    imported(place, wheel)
    with Corpus.open(place) as corpus:
        before, trials = corpus.content_dump(), stored_trials(corpus)
    summary = imported(place, wheel)
    assert "new" not in summary
    assert summary["unchanged"] == {
        "device runs": 1,
        "folders of trials": 5,
        "networks": 6,
        "transforms": 2,
    }
    with Corpus.open(place) as corpus:
        assert (corpus.content_dump(), stored_trials(corpus)) == (before, trials)


def test_a_newer_source_adds_what_is_new(wheel, place, tmp_path):
    newer = {
        **GOOD,
        "nn/added.py": net(9).encode(),
        f"{CIFAR}/2.json": json.dumps(
            [*TRIALS[f"{CIFAR}/2.json"], record(0.1, "d", dropout=0.1)]
        ).encode(),
        f"{CIFAR}/6.json": json.dumps([record(0.75, duration=second(60))]).encode(),
        "stat/train/img-classification_mnist_acc_added/1.json": json.dumps([record(0.5)]).encode(),
    }
    # Neither does it have what was dropped, which stays.
    del newer[f"{CIFAR}/5.json"], newer["nn/untrained.py"]
    imported(place, wheel)
    summary = imported(place, write_wheel(tmp_path / "newer.whl", newer, "10"))
    assert summary["new"] == {"epochs": 3, "folders of trials": 2, "networks": 1, "trials": 2}
    both = write_wheel(tmp_path / "both.whl", {**GOOD, **newer})
    imported(tmp_path / "both.db", both)
    assert content(place) == content(tmp_path / "both.db")
    rows = lemur2.data(db=place, nn="AlexNet", dataset="cifar-10")
    first = rows[rows["accuracy"] == 0.5]["trial"].iloc[0]
    assert rows[rows["trial"] == first]["epoch"].tolist() == [1, 2, 5, 6]


def test_a_changed_text_is_reported_and_the_stored_one_stays(wheel, tmp_path):
    imported(tmp_path / "a.db", wheel)
    changed = write_wheel(tmp_path / "b.whl", {**GOOD, "nn/AlexNet.py": net(77).encode()})
    summary = imported(tmp_path / "a.db", changed)
    assert list(summary["refused"]) == [
        "network: another text than the network stored under this name, which stays"
    ]
    with Corpus.open(tmp_path / "a.db") as corpus:
        assert corpus.source("AlexNet") == net(1)


def test_a_network_of_our_own_keeps_its_name(wheel, tmp_path):
    place = tmp_path / "a.db"
    with Corpus.open(place, create=True) as corpus:
        grow(corpus, [outcome("AlexNet", candidate=Candidate(source="# ours", generator="zoo"))])
        summary = import_corpus(corpus, wheel).to_json()
        name = content_name("AlexNet", net(1))
        assert corpus.source("AlexNet") == "# ours"
        assert corpus.source(name) == net(1)
    assert summary["fixed"]["network renamed: this corpus's own has its name"] == 1
    assert len(lemur2.data(db=place, nn=name, dataset="cifar-10")) == 5
    assert lemur2.data(db=place, provenance="own")["nn"].tolist() == ["AlexNet"]
    assert len(lemur2.data(db=place, provenance="imported")) == 16
    assert "new" not in imported(place, wheel)


def test_huge_files_are_not_read(tmp_path):
    folder = write_folder(tmp_path / "huge", GOOD)
    for path in ("nn/huge.py", "stat/train/img-classification_mnist_acc_my_net/1.json"):
        (folder / path).parent.mkdir(exist_ok=True)
        with (folder / path).open("wb") as file:
            file.truncate(300 << 20)
    summary = imported(tmp_path / "a.db", folder)
    assert summary["refused"] == {
        "file of trials: larger than 16 MB": 1,
        "source file: larger than 2 MB": 1,
    }
    assert summary["new"]["epochs"] == 16


def test_damage_inside_an_archive(wheel, tmp_path):
    data = bytearray(wheel.read_bytes())
    start = data.index(b"ab/nn/transform/echo.py") + len("ab/nn/transform/echo.py")
    data[start : start + 4] = b"\xff\xff\xff\xff"
    (tmp_path / "damaged.whl").write_bytes(data)
    summary = imported(tmp_path / "a.db", tmp_path / "damaged.whl")
    (cause,) = summary["refused"]
    assert cause.startswith("source file: damaged in the archive")
    assert summary["new"]["epochs"] == 16


def test_what_is_no_corpus(wheel, tmp_path):
    (tmp_path / "half.whl").write_bytes(wheel.read_bytes()[:1500])
    (tmp_path / "text.whl").write_text("not a wheel")
    (tmp_path / "empty").mkdir()
    for path, said in (
        (tmp_path / "half.whl", "is no wheel, or only the beginning of one; download it again"),
        (tmp_path / "text.whl", "is no wheel"),
        (tmp_path / "empty", "holds no corpus: there is neither nn/"),
        (tmp_path / "none", "there is no file or folder"),
    ):
        with pytest.raises(UserError, match=said):
            Source(path)


KILLED = """
import os, signal, sys
from lemur2.corpus import Corpus
from lemur2.corpus.importing import import_corpus, importer

place, source, where, number = sys.argv[1:]
importer._NETWORKS, importer._EPOCHS, importer._SHOWN = 2, 3, 1
left = int(number)

def count(*arguments):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

save = importer._Import._save
if where == "inside":  # a transaction: rows are written, nothing is committed
    importer._Import._save = lambda *arguments: (count(), save(*arguments))
with Corpus.open(place, create=True) as corpus:
    import_corpus(corpus, source, count if where == "between" else lambda *arguments: None)
"""


@pytest.mark.parametrize(("where", "number"), [("between", 2), ("between", 6), ("inside", 1)])
@pytest.mark.parametrize("then", [0, 5])
def test_killed_and_done_again(tmp_path, where, number, then):
    wheel = write_wheel(tmp_path / "bad.whl", {**GOOD, **BAD})
    place = tmp_path / "a.db"
    for left in (number, then) if then else (number,):
        command = [sys.executable, "-c", KILLED, place, wheel, where, str(left)]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        ended = subprocess.run(command, capture_output=True, text=True, env=env)
        assert ended.returncode == -9, ended.stderr
        with Corpus.open(place) as corpus:
            assert unfinished_imports(corpus) == ["nn-dataset 9.9"]
    summary = imported(place, wheel)
    assert summary == imported(tmp_path / "whole.db", wheel)
    assert content(place) == content(tmp_path / "whole.db")
    with Corpus.open(place) as corpus:
        assert unfinished_imports(corpus) == []


def test_a_newer_import_supersedes_a_killed_one(wheel, tmp_path):
    def interrupt(what, number, total):
        if what == "device runs":
            raise KeyboardInterrupt

    with Corpus.open(tmp_path / "a.db", create=True) as corpus:
        with pytest.raises(KeyboardInterrupt):
            import_corpus(corpus, wheel, interrupt)
        assert unfinished_imports(corpus) == ["nn-dataset 9.9"]
        import_corpus(corpus, write_wheel(tmp_path / "newer.whl", GOOD, "10"))
        assert unfinished_imports(corpus) == []


def test_two_imports_at_once(wheel, place):
    """The second one stores everything between two steps of the first."""
    done = []

    def interfere(what, number, total):
        if what == "folders of trials" and not done:
            done.append(imported(place, wheel))

    with Corpus.open(place, create=True) as corpus:
        with pytest.raises(UserError, match="another process wrote to it during the import"):
            import_corpus(corpus, wheel, interfere)
        again = import_corpus(corpus, wheel)
        assert not again.changed
        assert len(corpus.trials()) == 9


def test_older_databases_are_upgraded(tmp_path):
    import sqlalchemy as sa

    from lemur2.corpus.db import database

    place = tmp_path / "old.db"
    engine = sa.create_engine(f"sqlite:///{place}")
    with engine.begin() as connection:
        database.upgrade(connection, "0001")
        for statement in (
            "INSERT INTO sources VALUES (1, 's', CAST('x = 1' AS BLOB))",
            "INSERT INTO architectures (id, name, family, digest, source_id, created) "
            f"VALUES (1, '{MUTANT}', 'f', 'd', 1, 0)",
            "INSERT INTO lineage VALUES (1, 'AlexNet')",
            "INSERT INTO benchmarks VALUES (1, 't', 'd', 'm')",
            "INSERT INTO environments VALUES (1, 'e', '{}')",
            "INSERT INTO transforms VALUES (1, 'norm', 1)",
            "INSERT INTO trials (id, architecture_id, benchmark_id, transform_id, environment_id, "
            "prm, verdict, reason, created) VALUES (1, 1, 1, 1, 1, '{}', 'ok', '', 0)",
            "INSERT INTO epochs (trial_id, epoch, score) VALUES (1, 1, 0.5), (1, 2, 0.75)",
        ):
            connection.execute(sa.text(statement))
    engine.dispose()
    with Corpus.open(place) as corpus, corpus.database.read() as connection:
        row = connection.execute(sa.text("SELECT prefix, whitespace_md5 FROM architectures"))
        assert row.all() == [("ast-dimension-AlexNet", whitespace_md5("x=1"))]
        assert corpus.children("AlexNet") == [MUTANT]
    found = lemur2.data(db=place)
    assert found["accuracy"].tolist() == [0.5, 0.75]
    assert found["provenance"].tolist() == ["own", "own"]


@pytest.mark.slow
@pytest.mark.skipif("LEMUR2_WHEEL" not in os.environ, reason="LEMUR2_WHEEL names no wheel")
def test_the_real_corpus(tmp_path):
    summary = imported(tmp_path / "a.db", os.environ["LEMUR2_WHEEL"])
    assert summary["new"] == {
        "device runs": 2_476,
        "epochs": 543_496,
        "folders of trials": 19_072,
        "networks": 10_459,
        "parents told by names": summary["new"]["parents told by names"],
        "transforms": 47,
        "trials": summary["new"]["trials"],
    }
    assert "refused" not in summary
    assert summary["flagged"]["epochs of detection mAP, which the source gets wrong"] == 8_645
    assert summary["noted"]["epochs without a duration"] == 22_890
    assert summary["noted"]["epochs whose uid is no md5"] == 60
    assert summary["noted"]["networks without trials"] == 132
    assert summary["noted"]["files for epoch 0"] == 1_015
    assert summary["noted"]["networks with CRLF line ends"] == 1_166
    assert summary["fixed"]["files that repeat a uid: a training for each time"] == 213
    found = lemur2.data(db=tmp_path / "a.db", columns=["dataset", "metric", "prm", "duration"])
    assert len(found) == 543_496
    assert found["dataset"].value_counts()["cifar-10"] == 122_738
    assert sum("momentum" in prm for prm in found["prm"]) == 532_903
    assert sum("dropout" in prm for prm in found["prm"]) == 351_798
    assert found["duration"].isna().sum() == 22_890
    assert PRM.keys() <= {name for prm in found["prm"] for name in prm}
