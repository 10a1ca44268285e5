"""`lemur2.data` against a model in plain Python."""

import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from corpus_samples import grow, outcome, trial_result
from hypothesis import given, settings
from hypothesis import strategies as st

import lemur2
from lemur2.architecture import Candidate, Verdict
from lemur2.corpus import Corpus, Epoch
from lemur2.corpus.db.schema import trials
from lemur2.corpus.dedupe import Redundant, mark
from lemur2.corpus.query.table import BEST_PER, COLUMNS, GROUPS, arrow, batches, leaderboard
from lemur2.errors import UsageError, UserError

NAMES = ["ga-1", "GA-1", "Net_%", "ä"]
SORTED = ("nn", "task", "dataset", "metric", "trial", "epoch")

trial_plans = st.fixed_dictionaries(
    {
        "nn": st.sampled_from(NAMES),
        "task": st.sampled_from(["img-classification", "txt-generation"]),
        "dataset": st.sampled_from(["digits", "svhn"]),
        "metric": st.sampled_from(["acc", "acc", "ppl"]),
        "transform": st.sampled_from(["echo", "norm_32"]),
        "hyperparameters": st.dictionaries(
            st.sampled_from(["lr", "batch", "momentum", "other", "epoch"]),
            st.sampled_from([0.5, 1, 2, 0.25]),
        ),
        "seed": st.integers(0, 2),
        "verdict": st.sampled_from([Verdict.OK, Verdict.OK, Verdict.DIVERGED]),
        # few values, so that there are ties
        "scores": st.lists(st.sampled_from([0.25, 0.5, 0.75, float("nan")]), max_size=3),
    }
)


def names_of(values: list) -> st.SearchStrategy:
    return st.sampled_from(values) | st.lists(st.sampled_from(values), max_size=2)


FILTERS = {
    "task": names_of(["img-classification", "txt-generation"]),
    "dataset": names_of(["digits", "svhn", "none"]),
    "metric": names_of(["acc", "ppl"]),
    "nn": names_of(NAMES),
    "nn_prefixes": names_of(["ga", "ga-", "Net_", "N", "ä", ""]),
    "transform": names_of(["echo", "norm_32"]),
    "epoch": names_of([1, 2, 3]),
    "verdict": st.sampled_from([None, "diverged"]),
}
# One or two at a time: with more, hardly a row is left to compare.
filters = st.lists(st.sampled_from(sorted(FILTERS)), max_size=2, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: FILTERS[name] for name in names})
)


def epoch_rows(plan: dict) -> tuple[Epoch, ...]:
    return tuple(
        Epoch(epoch=number, score=score, loss=None, seconds=float(number), memory=number)
        for number, score in enumerate(plan["scores"], start=1)
    )


def fill(corpus: Corpus, plans: list[dict]) -> None:
    for name in NAMES:
        corpus.add_architecture(name=name, source=f"# {name}", digest=name, family=name[:2])
    for plan in plans:
        described = {
            key: value for key, value in plan.items() if key not in ("nn", "verdict", "scores")
        }
        source = f"# {plan['transform']}"
        trial = corpus.begin_trial(plan["nn"], **described, environment={}, transform_source=source)
        for epoch in epoch_rows(plan):
            corpus.add_epoch(trial, epoch)
        corpus.finish_trial(trial, plan["verdict"])


def model(plans: list[dict]) -> list[dict]:
    """Every row, unsorted."""
    return [
        {
            **{key: plan[key] for key in ("nn", "task", "dataset", "metric", "transform", "seed")},
            "family": plan["nn"][:2],
            "nn_code": f"# {plan['nn']}",
            "transform_code": f"# {plan['transform']}",
            "epoch": epoch.epoch,
            "accuracy": epoch.score,
            "loss": float("nan"),
            "duration": epoch.seconds,
            "memory": epoch.memory,
            "prm": plan["hyperparameters"],
            "verdict": plan["verdict"],
            "test_score": float("nan"),
            "provenance": "own",
            "flagged": None,
            "trial": trial,
        }
        for trial, plan in enumerate(plans, start=1)
        for epoch in epoch_rows(plan)
    ]


def keeps(row: dict, wanted: dict) -> bool:
    for name, value in {"verdict": "ok", **wanted}.items():
        if value is None:
            continue
        values = value if isinstance(value, list) else [value]
        if name == "nn_prefixes":
            if not any(row["nn"].startswith(prefix) for prefix in values):
                return False
        elif row[name] not in values:
            return False
    return True


def best_rows(rows: list[dict], group_by: tuple[str, ...]) -> list[dict]:
    def group(row: dict) -> tuple:
        return tuple(row[name] for name in group_by)

    scored = [row for row in rows if row["accuracy"] == row["accuracy"]]
    scored.sort(key=lambda row: (group(row), -row["accuracy"], row["epoch"], row["trial"]))
    return [next(members) for _, members in itertools.groupby(scored, key=group)]


def plain(frame: pd.DataFrame) -> list[dict]:
    """Rows that compare: NaN as a word."""
    rows = frame.to_dict("records")
    return [{key: "nan" if value != value else value for key, value in row.items()} for row in rows]


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_data_agrees_with_the_model(data):
    plans = data.draw(st.lists(trial_plans, min_size=6, max_size=12))
    with (
        tempfile.TemporaryDirectory() as folder,
        Corpus.open(Path(folder, "a.db"), create=True) as corpus,
    ):
        fill(corpus, plans)
        for _ in range(5):
            wanted = data.draw(filters)
            rows = [row for row in model(plans) if keeps(row, wanted)]
            best = data.draw(st.booleans())
            group_by = data.draw(
                st.just(BEST_PER) | st.lists(st.sampled_from(GROUPS), min_size=1, unique=True)
            )
            if best:
                rows = best_rows(rows, tuple(group_by))
            rows.sort(key=lambda row: tuple(row[name] for name in SORTED))
            limit = data.draw(st.none() | st.integers(0, 4))
            columns = data.draw(st.lists(st.sampled_from(COLUMNS), min_size=1, unique=True))
            found = lemur2.data(
                db=corpus,
                **wanted,
                only_best_accuracy=best,
                group_by=group_by,
                max_rows=limit,
                columns=columns,
            )
            expected = pd.DataFrame(
                [{name: row[name] for name in columns} for row in rows[:limit]], columns=columns
            )
            assert list(found.columns) == columns
            assert plain(found) == plain(expected)
            if limit is None:
                question = {"db": corpus, **wanted, "columns": columns}
                how = {"only_best_accuracy": best, "group_by": group_by}
                check_arrow(arrow(**question, **how, hyperparameters="dict"), found)
                if not best:
                    size = data.draw(st.integers(1, 5))
                    check_batches(list(batches(**question, rows=size)), found, size)


def check_arrow(table, found: pd.DataFrame) -> None:
    """The same values; missing ones are null, hyperparameters are JSON."""
    rows = table.to_pylist()
    expected = found.to_dict("records")
    assert table.column_names == list(found.columns)
    for row, other in zip(rows, expected, strict=True):
        for name, value in other.items():
            same = json.loads(row[name]) if name == "prm" else row[name]
            is_missing = value is None or value is pd.NA or value != value
            assert same is None if is_missing else same == value


def check_batches(parts: list[pd.DataFrame], found: pd.DataFrame, size: int) -> None:
    """All rows in order, so many a part; one empty part where there are none."""
    assert [len(part) for part in parts[:-1]] == [size] * (len(parts) - 1)
    assert len(parts) == max(1, -(-len(found) // size))
    joined = [row for part in parts for row in plain(part)]
    assert joined == plain(found)
    assert all(list(part.columns) == list(found.columns) for part in parts)


def test_ties(tmp_path):
    """The highest accuracy, then the earliest epoch, then the trial stored first."""
    same = {
        "nn": "ga-1",
        "task": "img-classification",
        "dataset": "digits",
        "metric": "acc",
        "transform": "echo",
        "hyperparameters": {},
        "seed": 0,
        "verdict": Verdict.OK,
    }
    plans = [
        {**same, "scores": [0.5, 0.7, 0.9]},
        {**same, "scores": [0.5, 0.9, 0.1]},
        {**same, "scores": [0.5, 0.9, 0.2]},
        {**same, "scores": [0.95], "verdict": Verdict.TIMEOUT},
        {**same, "nn": "Net_%", "scores": [float("nan")]},
    ]
    with Corpus.open(tmp_path / "a.db", create=True) as corpus:
        fill(corpus, plans)
        best = lemur2.data(db=corpus, only_best_accuracy=True)
        assert best[["nn", "trial", "epoch", "accuracy"]].values.tolist() == [["ga-1", 2, 2, 0.9]]
        each = lemur2.data(db=corpus, only_best_accuracy=True, group_by="epoch")
        assert each[["trial", "epoch"]].values.tolist() == [[1, 1], [1, 3], [2, 2]]


def test_the_same_on_postgresql(postgres_place, tmp_path):
    plans = [
        {
            "nn": NAMES[number % len(NAMES)],
            "task": "img-classification",
            "dataset": ["digits", "svhn"][number % 2],
            "metric": "acc",
            "transform": "echo",
            "hyperparameters": {"lr": 0.5, "batch": 2**number, "other": "é"},
            "seed": number,
            "verdict": Verdict.OK,
            "scores": [0.5, float("nan"), 0.75, 0.75],
        }
        for number in range(30)
    ]
    questions = (
        {},
        {"nn_prefixes": ["ga", "ä"], "epoch": [1, 3], "columns": COLUMNS},
        {"only_best_accuracy": True},
        {"only_best_accuracy": True, "group_by": ["dataset", "epoch"], "max_rows": 3},
        {"hyperparameters": "columns", "max_rows": 7},
    )
    with (
        Corpus.open(tmp_path / "a.db", create=True) as one,
        Corpus.open(postgres_place, create=True) as two,
    ):
        fill(one, plans)
        fill(two, plans)
        for question in questions:
            found = [lemur2.data(db=corpus, **question) for corpus in (one, two)]
            assert not found[0].empty
            pd.testing.assert_frame_equal(*found)
        assert one.content_dump() == two.content_dump()
        assert leaderboard(one, "digits") == leaderboard(two, "digits")


@pytest.fixture
def small(tmp_path):
    place = tmp_path / "a.db"
    prm = {"lr": 0.01, "batch": 64, "dropout": 0.5, "transform": "norm_32", "activation": "ReLU"}
    with Corpus.open(place, create=True) as corpus:
        grow(
            corpus,
            [
                outcome("F-1", trial=trial_result(hyperparameters=prm)),
                outcome("f" * 32, candidate=Candidate(source="# two\n", generator="genetic")),
            ],
        )
    return place


def test_the_columns_that_the_field_knows(small, monkeypatch):
    monkeypatch.setenv("LEMUR2_DB", str(small))
    found = lemur2.data()
    assert set(found.columns) >= {
        *("task", "dataset", "metric", "nn", "epoch", "accuracy", "duration", "prm"),
        *("transform", "family", "seed", "verdict"),
    }
    assert list(found["family"]) == ["F", "genetic"]
    assert found["prm"][0]["activation"] == "ReLU"
    assert found["prm"][0] is not found["prm"][1]
    code = lemur2.data(columns=["nn", "nn_code"])
    assert list(code["nn_code"]) == ["# F-1\n", "# two\n"]


def test_hyperparameters_as_columns(small):
    found = lemur2.data(db=small, columns=["nn", "prm"], hyperparameters="columns")
    assert found.dtypes["prm_lr"].kind == "f"
    assert list(found["prm_dropout"]) == [0.5, 0.2]
    assert list(found["prm_activation"].fillna("-")) == ["ReLU", "-"]
    assert "prm" not in found


def test_hyperparameters_as_arrow_columns(small):
    table = arrow(db=small, columns=["nn", "prm"])
    assert table["prm_lr"].to_pylist() == [0.01, 0.01]
    assert table["prm_batch"].to_pylist() == [64, 64]
    assert table["prm_activation"].to_pylist() == ["ReLU", None]
    assert table["nn"].to_pylist() == ["F-1", "f" * 32]


def test_a_batch_has_rows(small):
    with pytest.raises(UsageError, match="at least one row, not 0"):
        next(batches(db=small, rows=0))


def test_nothing_found_has_the_same_columns(small):
    whole, nothing = lemur2.data(db=small), lemur2.data(db=small, nn="no such")
    assert nothing.empty
    assert list(nothing.columns) == list(whole.columns)
    assert nothing.dtypes.equals(whole.dtypes)


def test_code_is_shared_between_rows(small):
    with Corpus.open(small) as corpus:
        for seed in range(3):
            trial = corpus.begin_trial(
                "F-1",
                task="img-classification",
                dataset="digits",
                metric="acc",
                transform="norm_32",
                hyperparameters={},
                seed=seed,
                environment={},
            )
            corpus.add_epoch(trial, Epoch(epoch=1, score=0.1, loss=None, seconds=1.0, memory=0))
            corpus.finish_trial(trial, Verdict.OK)
    found = lemur2.data(db=small, nn="F-1", columns=["nn_code"])
    assert len(found) == 4
    assert len({id(code) for code in found["nn_code"]}) == 1


def test_unknown_columns_and_no_corpus(small, tmp_path):
    with pytest.raises(UsageError, match="unknown column 'acuracy'; did you mean accuracy"):
        lemur2.data(db=small, columns=["nn", "acuracy"])
    with pytest.raises(UsageError, match="unknown group 'prm'; there are task"):
        lemur2.data(db=small, only_best_accuracy=True, group_by=["prm"])
    with pytest.raises(UserError, match="there is no corpus at"):
        lemur2.data(db=tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()


def test_reading_imports_no_torch(small):
    code = (
        "import sys, lemur2\n"
        "assert not {'torch', 'pandas', 'sqlalchemy'} & set(sys.modules)\n"
        f"assert len(lemur2.data(db={str(small)!r})) == 2\n"
        "assert 'torch' not in sys.modules and 'alembic' not in sys.modules\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


@pytest.fixture
def three(tmp_path):
    """`Good` and `Flagged` with a trial each, and `Copy`, which is marked as redundant."""
    with Corpus.open(tmp_path / "c.db", create=True) as corpus:
        grow(corpus, [outcome(name) for name in ("Good", "Flagged", "Copy")])
        with corpus.database.write() as connection:
            connection.execute(
                sa.update(trials).where(trials.c.architecture_id == 2).values(flagged="too good")
            )
        copy = Redundant(name="Copy", representative="Good", tier="canonical", similarity=1.0)
        mark(corpus, [copy])
        yield corpus


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, ["Copy", "Flagged", "Good"]),
        ({"unique": True}, ["Flagged", "Good"]),
        ({"flagged": True}, ["Flagged"]),
        ({"flagged": False}, ["Copy", "Good"]),
        ({"provenance": "own"}, ["Copy", "Flagged", "Good"]),
        ({"provenance": "imported"}, []),
    ],
)
def test_what_is_flagged_imported_or_marked_can_be_left_out(three, wanted, expected):
    assert lemur2.data(db=three, **wanted)["nn"].tolist() == expected
    assert arrow(db=three, **wanted)["nn"].to_pylist() == expected
    assert [nn for part in batches(db=three, rows=1, **wanted) for nn in part["nn"]] == expected


def test_a_leaderboard_is_of_one_metric(three):
    assert [place.nn for place in leaderboard(three, "digits")] == ["Copy", "Good"]
    assert [place.rank for place in leaderboard(three, "digits", limit=1)] == [1]
    grow(three, [outcome("Other", trial=trial_result(metric="ppl"))])
    with pytest.raises(UsageError, match="digits is scored by acc and ppl; choose one"):
        leaderboard(three, "digits")
    assert [place.nn for place in leaderboard(three, "digits", metric="ppl")] == ["Other"]


@pytest.mark.parametrize(("value", "kind"), [(3, "int64"), (1 << 63, "double"), (0.5, "double")])
def test_whole_numbers_stay_whole_in_arrow(tmp_path, value, kind):
    with Corpus.open(tmp_path / "c.db", create=True) as corpus:
        grow(corpus, [outcome("A", trial=trial_result(hyperparameters={"width": value}))])
        column = arrow(db=corpus)["prm_width"]
    assert (str(column.type), column.to_pylist()) == (kind, [value])
