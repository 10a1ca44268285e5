"""Direction: a metric that is one to be low, from a plug-in, through every reader of scores.

The loop's readers (grow, search, check_nn) are in `tests/loop/test_loop_order.py`, and those of the
generators in `tests/generators/test_generator_order.py`.
"""

import json
import math

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from lemur2.architecture import Candidate, Verdict
from lemur2.cli import main
from lemur2.corpus import Corpus, Epoch
from lemur2.corpus.db.schema import attempts, epochs, trials
from lemur2.corpus.dedupe import entries, find_redundant
from lemur2.corpus.exporting.field import export_field
from lemur2.corpus.pool import Pool
from lemur2.corpus.query.table import batches, best_first, data, leaderboard
from lemur2.corpus.rows.architectures import ensure_transform
from lemur2.errors import UserError
from lemur2.metrics import best_of, higher_is_better, loss, metric, sign, signs
from lemur2.statistics import evolution, load
from lemur2.statistics.association import first_against_final
from lemur2.statistics.drawing.style import score_label
from lemur2.statistics.paper.measures import best_of_families, best_of_network
from lemur2.statistics.ranking import best_per_network, coverage, group_medians, top
from lemur2.statistics.sections.blocks import Blocks
from lemur2.statistics.sections.mixtures import Mixtures
from lemur2.statistics.sections.text import Text
from lemur2.statistics.sections.tradeoffs import Tradeoffs
from lemur2.statistics.sections.transforms import Transforms
from lemur2.statistics.transforms import arity_effect, by_configuration, by_operation, tried

pytestmark = pytest.mark.usefixtures("error_rate")
TASK = "img-classification"
ERR = "error-rate"

# By network: the error after each epoch, of one trial or several. `Good` is the best of them.
ERRORS = {
    "Bad": [[0.9, 0.7]],
    "Good": [[0.5, 0.1, 0.3], [0.6, 0.2, 0.2]],
    "Fair": [[0.4, 0.4]],
}


def add(corpus, nn, scores, *, metric=ERR, dataset="digits", task=TASK, seconds=1.0, **network):
    """A network with a trial; the trial's id."""
    corpus.add_architecture(
        name=nn, **{"source": f"x = {nn!r}", "digest": f"digest of {nn}", **network}
    )
    trial = corpus.begin_trial(
        nn,
        task=task,
        dataset=dataset,
        metric=metric,
        transform="norm",
        hyperparameters={"lr": 0.1},
        seed=0,
        environment={},
    )
    for number, score in enumerate(scores, start=1):
        epoch = Epoch(epoch=number, score=score, loss=1.0, seconds=seconds, memory=1)
        corpus.add_epoch(trial, epoch)
    corpus.finish_trial(trial, Verdict.OK)
    return trial


@pytest.fixture
def corpus(tmp_path):
    with Corpus.open(tmp_path / "c.db", create=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A corpus with `ERRORS`; not to be changed."""
    place = tmp_path_factory.mktemp("order") / "c.db"
    with Corpus.open(place, create=True) as opened:
        for nn, found in ERRORS.items():
            for scores in found:
                add(opened, nn, scores)
        yield opened


# -- the order itself ------------------------------------------------------------------------------


def test_the_metric_says_which_way_it_goes():
    assert not metric(ERR).higher_is_better
    assert [sign(name) for name in ("acc", ERR, "nobody-has-this")] == [1, -1, 1]
    assert signs([ERR, "acc", ERR]).tolist() == [-1, 1, -1]
    assert signs([]).tolist() == []


def test_a_loss_is_small_where_the_score_is_good():
    assert (loss(0.25, "acc"), loss(0.25, ERR)) == (-0.25, 0.25)
    assert loss(None, "acc") == loss(math.nan, ERR) == math.inf


def test_the_best_of_some_scores():
    scores = [math.nan, 0.5, 0.25, 0.75]
    assert (best_of(scores, "acc"), best_of(scores, ERR)) == (0.75, 0.25)
    assert math.isnan(best_of([], ERR))
    assert math.isnan(best_of([math.nan], ERR))


def test_a_metric_that_cannot_be_loaded_is_no_guess():
    with pytest.raises(UserError, match=r"'broken-metric'.* cannot be loaded"):
        higher_is_better("broken-metric")


# -- the corpus ------------------------------------------------------------------------------------


def test_the_best_row_of_a_group_is_the_lowest(measured):
    found = data(db=measured, only_best_accuracy=True).set_index("nn")
    assert found["accuracy"].to_dict() == {"Bad": 0.7, "Good": 0.1, "Fair": 0.4}
    assert found["epoch"].to_dict() == {"Bad": 2, "Good": 2, "Fair": 1}  # the earliest of equals


def test_groups_of_several_metrics_take_what_is_to_be_high(corpus):
    add(corpus, "A", [0.2, 0.3], metric="acc")
    add(corpus, "A", [0.1, 0.05])
    found = data(db=corpus, only_best_accuracy=True, group_by=("nn",))
    assert found[["metric", "accuracy"]].values.tolist() == [["acc", 0.3]]


def test_rows_are_ordered_the_best_first(measured):
    command = ["data", "--best", "--sort", "--json", "--db", measured.database.place]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["nn"], row["accuracy"]) for row in rows] == [
        ("Good", 0.1),
        ("Fair", 0.4),
        ("Bad", 0.7),
    ]


def test_rows_by_metrics_to_be_low_follow_the_others(corpus):
    add(corpus, "A", [math.nan, 0.1], metric="acc")
    add(corpus, "B", [0.0, 0.9])
    ordered = best_first(data(db=corpus))["accuracy"].tolist()
    assert ordered[:3] == [0.1, 0.0, 0.9]
    assert math.isnan(ordered[3])
    assert sum(map(len, batches(db=corpus))) == 4


def test_a_leaderboard_starts_with_the_lowest(measured):
    places = leaderboard(measured, "digits")
    assert [(each.rank, each.nn, each.accuracy) for each in places] == [
        (1, "Good", 0.1),
        (2, "Fair", 0.4),
        (3, "Bad", 0.7),
    ]


def test_the_trial_that_is_shown_of_a_network_is_the_lowest(measured):
    done = CliRunner().invoke(main, ["show", "Good", "--db", measured.database.place])
    assert done.exit_code == 0, done.output
    (row,) = [line.split() for line in done.stdout.splitlines() if ERR in line]
    assert "0.2" in row
    assert "0.3" not in row


def test_a_pool_has_the_lowest_scores(measured):
    pool = Pool(measured, task=TASK)
    scores = {name: pool.by_name[name].score for name in ERRORS}
    assert (pool.dataset, pool.metric) == ("digits", ERR)
    assert scores == {"Bad": 0.7, "Good": 0.1, "Fair": 0.4}
    assert sorted(ERRORS, key=lambda name: pool.loss(pool.by_name[name])) == ["Good", "Fair", "Bad"]
    assert pool.loss(pool.by_name["LeNet"]) == math.inf


def test_a_pool_mixes_no_metrics(corpus):
    add(corpus, "A", [0.125], metric="acc")
    for _ in range(2):
        add(corpus, "A", [0.25])
    assert Pool(corpus, task=TASK).by_name["A"].score == 0.25


def test_dedupe_keeps_the_twin_with_the_lower_error(corpus):
    for nn, scores in (("A", [0.4]), ("B", [0.2]), ("C", [0.3]), ("D", [0.0])):
        twin = {"A": "x", "B": "x"}.get(nn, nn)
        add(corpus, nn, scores, digest=twin, dataset="digits" if nn != "D" else "mnist-5k")
    shares = {entry.name: entry.accuracy for entry in entries(corpus)}
    assert shares == {"A": 0.5, "B": 1.0, "C": pytest.approx(2 / 3), "D": 1.0}
    (found,) = find_redundant(entries(corpus), tiers=["canonical"])
    assert (found.name, found.representative) == ("A", "B")


def test_the_share_of_the_best_is_by_benchmark(corpus):
    """A network counts where it comes nearest to the best; of an error of 0, nothing is a share."""
    add(corpus, "A", [0.4])
    add(corpus, "B", [0.0])
    add(corpus, "A", [0.3], metric="acc")
    add(corpus, "B", [0.6], metric="acc")
    shares = {entry.name: entry.accuracy for entry in entries(corpus)}
    assert shares == {"A": 0.5, "B": 1.0}


def test_the_field_export_lists_the_best_first(corpus, tmp_path):
    for scores in ([0.5], [0.1], [math.nan], [0.9]):
        add(corpus, "A", scores)
    export_field(corpus, tmp_path / "out", lambda *_: None)
    (file,) = (tmp_path / "out/stat/train").rglob("1.json")
    records = json.loads(file.read_text())
    assert [record["accuracy"] for record in records] == [0.1, 0.5, 0.9, None]


# -- the report ------------------------------------------------------------------------------------


def test_rankings_of_the_report(measured):
    material = load(measured)
    assert material.trials[["best", "best_epoch"]].values.tolist() == [
        [0.7, 2],
        [0.1, 2],
        [0.2, 2],
        [0.4, 1],
    ]
    best = best_per_network(material.ranked)
    assert best[["nn", "best", "trials"]].values.tolist() == [
        ["Good", 0.1, 2],
        ["Fair", 0.4, 1],
        ["Bad", 0.7, 1],
    ]
    assert top(best, 1)["nn"].tolist() == ["Good"]
    assert coverage(material.trials)["best"].tolist() == [0.1]
    assert best_of_network("Good", "digits", ERR)(material) == 0.1
    assert best_of_network("Good", "digits", ERR, last=True)(material) == 0.2
    assert best_of_families("Good", "Bad", dataset="digits", metric=ERR)(material) == 0.1
    assert best_of_families("Good", dataset="digits", metric=ERR, epochs=(3, 9))(material) == 0.2
    assert score_label(ERR) == "error-rate [score, lower is better]"
    assert score_label("nobody-has-this") == "nobody-has-this [score]"


def test_groups_are_sorted_by_their_median(measured):
    best = best_per_network(load(measured).ranked)
    group = best["nn"].map({"Good": "one", "Bad": "one", "Fair": "two"})
    table = group_medians(best, group).set_index("group")
    assert table.index.tolist() == ["one", "two"]
    assert table["median"].tolist() == pytest.approx([0.4, 0.4])
    assert table["best"].tolist() == [0.1, 0.4]
    only = group_medians(best, best["nn"])
    assert only["group"].tolist() == ["Good", "Fair", "Bad"]


def test_the_first_epochs_best_tenth_are_the_lowest():
    """The first epoch tells the ten lowest errors right, and the ten highest upside down."""
    final = np.arange(100) / 100
    first = np.concatenate([final[:50], final[50:][::-1]])
    found = pd.DataFrame(
        {
            **{"benchmark": "d", "metric": ERR, "nn": "n", "last_epoch": 2},
            **{"first": first, "final": final},
        }
    )
    assert first_against_final(found).iloc[0]["top_tenth"] == 1
    assert first_against_final(found.assign(metric="acc")).iloc[0]["top_tenth"] == 0


def tables(section, corpus):
    return {table.name: table.frame for table in section.build(load(corpus)).tables}


def test_the_pareto_front_has_the_lowest_errors(corpus):
    for number in range(10):
        add(corpus, f"N{number}", [0.9 - number / 20], seconds=1.0 + number % 5)
    front = tables(Tradeoffs(), corpus)["pareto_fronts"]
    assert front["nn"].tolist() == ["N5", "N6", "N7", "N8", "N9"]


def test_text_mixtures_and_blocks(corpus):
    for nn, scores in ERRORS.items():
        for each in scores:
            trial = add(corpus, nn, each, task="txt-generation", family="rag")
            told = json.dumps({"routing": [[1.0, 2.0], [3.0, 4.0]]})
            with corpus.database.write() as connection:
                of_trial = epochs.c.trial_id == trial
                connection.execute(sa.update(epochs).where(of_trial).values(diagnostics=told))
    text = tables(Text(), corpus)["text_generation"]
    assert text[["nn", "best"]].values.tolist() == [["Good", 0.1], ["Fair", 0.4], ["Bad", 0.7]]
    mixtures = tables(Mixtures(), corpus)["mixtures"]
    assert mixtures[["nn", "mean_final", "best", "best_epoch"]].values.tolist() == [
        ["Good", 0.25, 0.1, 2],
        ["Fair", 0.4, 0.4, 1],
        ["Bad", 0.7, 0.7, 2],
    ]
    _hold_blocks(corpus, {"Good": "a", "Fair": "b", "Bad": "c"})
    blocks = tables(Blocks(), corpus)["blocks_used"]
    assert blocks[["block", "best", "median"]].values.tolist() == [
        ["a", 1, 0.1],
        ["b", 0, 0.4],
        ["c", 0, 0.7],
    ]


def _run(corpus, generator):
    run = {"config": {"generator": {"mode": "generations"}}, "seed": 0, "protocol": {}}
    more = {"limits": {}, "total": None, "environment": {}}
    return corpus.start_run(verb="grow", generator=generator, **run, **more)


def _attempt(corpus, run, generator, name, parameters, trial=None, **more):
    """An attempt of a run that ended well, as the ledger has it."""
    candidate = Candidate(source=f"# {name}", generator=generator, parameters=parameters, **more)
    (index,) = corpus.advance(run, told=0, state={}, asked=[(candidate, name, f"digest of {name}")])
    with corpus.database.write() as connection:
        where = (attempts.c.run_id == run) & (attempts.c.index == index)
        found = {"verdict": "ok", "trial_id": trial}
        connection.execute(sa.update(attempts).where(where).values(**found))


def _hold_blocks(corpus, blocks):
    run = _run(corpus, "retrieval")
    for nn, block in blocks.items():
        _attempt(corpus, run, "retrieval", nn, {"blocks": [{"block": block}]})


def test_generations_and_champion_of_genetic_search(corpus):
    run = _run(corpus, "genetic")
    for number, score in enumerate((0.5, 0.3, 0.4, 0.6)):
        trial = add(corpus, f"G{number}", [score])
        chosen = {"individual": number, "generation": number // 2}
        _attempt(corpus, run, "genetic", f"G{number}", chosen, trial)
    found = load(corpus).evolved
    table = evolution.by_generation(found)
    assert table[["n", "best", "best_so_far"]].values.tolist() == [[2, 0.3, 0.3], [2, 0.4, 0.3]]
    assert table["mean"].tolist() == pytest.approx([0.4, 0.5])
    assert evolution.champion(found)["nn"] == "G1"


def test_transforms_that_lower_the_error_are_kept(corpus):
    """Of one operation: `Pad` 0.2, `Invert` 0.4; of two: 0.5 and 0.3; 0.35 at best without any."""
    for score in (0.6, 0.35):
        add(corpus, "Net", [score])
    run = _run(corpus, "transforms")
    for number, (operations, score) in enumerate(
        [(["Pad"], 0.2), (["Invert"], 0.4), (["Pad", "Crop"], 0.3), (["Invert", "Crop"], 0.5)]
    ):
        trial = add(corpus, "Net", [score])
        with corpus.database.write() as connection:
            made = _transform(connection, f"t-{number}")
            connection.execute(
                sa.update(trials).where(trials.c.id == trial).values(transform_id=made)
            )
        chosen = {"operations": operations, "arity": len(operations)}
        more = {"kind": "transform", "parents": ("Net",)}
        _attempt(corpus, run, "transforms", f"t-{number}", chosen, trial, **more)
    material = load(corpus)
    found = tried(material).set_index("transform")
    assert set(found["threshold"]) == {0.35}
    assert found["kept"].tolist() == [True, False, True, False]
    by = by_configuration(tried(material), material.proposed_transforms).set_index("configuration")
    assert by["best"].to_dict() == {"1 operation": 0.2, "2 operations": 0.3}
    assert arity_effect(tried(material))["difference"].tolist() == pytest.approx([0.1])
    helpful = by_operation(tried(material)).set_index("operation")
    assert helpful.index.tolist() == ["Pad", "Crop", "Invert"]
    assert helpful["difference"].tolist() == pytest.approx([0.1, 0.0, -0.1])
    assert helpful["best"].to_dict() == {"Pad": 0.2, "Crop": 0.3, "Invert": 0.4}
    listed = tables(Transforms(), corpus)["transforms_tried"]
    assert listed["score"].tolist() == [0.2, 0.3, 0.4, 0.5]


def _transform(connection, name):
    return ensure_transform(connection, name, f"# {name}")
