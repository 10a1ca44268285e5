"""`data`, `show` and `runs`: what they print, for people and for scripts."""

import csv
import io


def test_data_json_has_what_scripts_rely_on(lemur2, db):
    rows = lemur2("data", "--db", db, "--json").lines
    assert [(row["nn"], row["epoch"], row["accuracy"]) for row in rows] == [
        ("F-0", 1, 0.51),
        ("F-0", 2, 0.52),
        ("F-1", 1, 0.61),
        ("F-1", 2, 0.62),
    ]
    expected = {
        "task": "img-classification",
        "dataset": "digits",
        "metric": "acc",
        "transform": "norm_32",
        "duration": 2.0,
        "prm": {"lr": 0.01, "batch": 64, "shape": [1, 2]},
        "seed": 7,
        "test_score": None,
    }
    assert expected.items() <= rows[0].items()
    assert "nn_code" not in rows[0]


def test_data_filters(lemur2, db):
    def found(*arguments: str) -> list[tuple]:
        ended = lemur2("data", "--db", db, "--json", *arguments)
        return [(row["nn"], row["epoch"]) for row in ended.lines]

    everything = [("F-0", 1), ("F-0", 2), ("F-1", 1), ("F-1", 2)]
    assert found("--dataset", "digits", "--task", "img-classification") == everything
    assert found("--dataset", "other") == []
    assert found("--nn", "F-1", "--epoch", "1") == [("F-1", 1)]
    assert found("--nn", "F-1", "--nn", "F-0", "--epoch", "2") == [("F-0", 2), ("F-1", 2)]
    assert found("--prefix", "F-", "--best") == [("F-0", 2), ("F-1", 2)]
    assert found("--best", "--sort", "-n", "1") == [("F-1", 2)]
    assert found("-n", "3") == everything[:3]
    assert found("--transform", "echo") == []
    assert found("--metric", "acc", "--verdict", "timeout") == []
    assert found("--verdict", "all") == everything


def test_data_table(lemur2, db):
    ended = lemur2("data", "--db", db, "-n", "2")
    assert ended.code == 0
    head, first, second, more = ended.out.splitlines()
    assert head.split() == [
        "nn",
        "dataset",
        "metric",
        "transform",
        "epoch",
        "accuracy",
        "duration",
        "prm",
    ]
    assert first.split()[:6] == ["F-0", "digits", "acc", "norm_32", "1", "0.51"]
    assert "lr=0.01 batch=64 shape=[1, 2]" in second
    assert more.startswith("the first 2 rows")
    assert lemur2("data", "--db", db, "--nn", "none").out == "no trials match\n"
    assert len(lemur2("data", "--db", db).out.splitlines()) == 5


def test_data_csv(lemur2, db):
    rows = list(csv.DictReader(io.StringIO(lemur2("data", "--db", db, "--csv", "--code").out)))
    assert len(rows) == 4
    assert (rows[0]["nn"], rows[0]["prm_batch"], rows[3]["accuracy"]) == ("F-0", "64", "0.62")
    assert rows[0]["nn_code"].startswith("# network 0")


def test_show_for_people(lemur2, db):
    ended = lemur2("show", "F-1", "--db", db)
    assert ended.code == 0
    assert "\x1b[31m" not in ended.out  # generated text must not reach the terminal raw
    places = [
        ended.out.index(said)
        for said in (
            "61,706",
            "3 MiB",
            "an auxiliary head",
            "0.62",
            "made from  LeNet",
            "--code prints",
        )
    ]
    assert places == sorted(places)  # facts, trials, lineage, how to see the source
    assert "# network 1" not in ended.out


def test_show_json(lemur2, db):
    (shown,) = lemur2("show", "F-1", "--db", db, "--json").lines
    assert (shown["name"], shown["family"], shown["parents"]) == ("F-1", "F", ["LeNet"])
    assert shown["facts"]["parameters"] == 61_706
    assert [epoch["score"] for epoch in shown["trials"][0]["result"]["epochs"]] == [0.61, 0.62]


def test_show_code_is_the_file(lemur2, db):
    assert lemur2("show", "F-1", "--db", db, "--code").out == (
        "# network 1 [bold]\nx = '\x1b[31m'\n"
    )


def test_runs(lemur2, db):
    (run,) = lemur2("runs", "--db", db, "--json").lines
    expected = {
        "run": 1,
        "verb": "grow",
        "status": "interrupted",
        "asked": 4,
        "done": 3,
        "total": 4,
    }
    assert expected.items() <= run.items()
    assert "state" not in run
    table = lemur2("runs", "--db", db).out
    assert "run  verb  name" in table
    assert "1  grow  fractal" in table


def test_runs_of_a_new_corpus(lemur2, tmp_path):
    from lemur2.corpus import Corpus

    Corpus.open(tmp_path / "new.db", create=True).close()
    assert lemur2("runs", "--db", tmp_path / "new.db").out.startswith("no runs yet")
