"""Reading a corpus: what counts, what does not."""

import math

import pandas as pd
import pytest

from lemur2.corpus import Corpus
from lemur2.statistics import load
from lemur2.statistics.material import label_benchmarks, other_hyperparameters, summarise


def test_failed_trials_are_not_read(material):
    assert material.trials["best"].max() == 1.0  # the flagged one
    assert (material.trials["nn"] == "LSTM").sum() == 4
    assert set(material.epochs["trial"]) == set(material.trials.index)


def test_flagged_trials_are_read_but_do_not_count(material):
    assert material.trials["flagged"].sum() == 1
    assert "Cheat" in set(material.trials["nn"])
    assert "Cheat" not in set(material.ranked["nn"])


def test_marked_duplicates_do_not_count(material):
    assert material.networks.index[material.networks["duplicate"]].tolist() == ["Copy"]
    assert "Copy" in set(material.trials["nn"])
    assert "Copy" not in set(material.ranked["nn"])


def test_networks_and_names_come_as_they_are(material, hostile):
    assert hostile in material.networks.index
    assert material.networks.loc["ga-5", "parameters"] == 6000
    assert math.isnan(material.networks.loc["LSTM", "parameters"])
    assert not material.networks["pretrained"].any()


def test_summary_of_a_trial():
    epochs = pd.DataFrame(
        {
            "trial": [1, 1, 1, 2, 2],
            "epoch": [1, 2, 3, 2, 4],
            "score": [0.1, 0.9, 0.9, 0.5, 0.4],
            "seconds": [1.0, 2.0, 3.0, 5.0, math.nan],
        }
    )
    one, two = summarise(epochs, pd.Series({1: 1, 2: 1})).to_dict("index").values()
    assert one == {
        "epochs": 3,
        "last_epoch": 3,
        "final": 0.9,
        "best": 0.9,
        "seconds": 6.0,
        "epoch_seconds": 2.0,
        "best_epoch": 2,
        "first": 0.1,
    }
    assert (two["best"], two["best_epoch"], two["final"], two["last_epoch"]) == (0.5, 2, 0.4, 4)
    assert math.isnan(two["first"])  # epoch 1 was not recorded
    assert math.isnan(two["seconds"])  # unknown, not 5
    assert two["epoch_seconds"] == 5


def test_labels_name_the_metric_only_where_it_is_needed():
    found = pd.DataFrame({"task": "t", "dataset": ["a", "b", "b"], "metric": ["acc", "acc", "ppl"]})
    assert label_benchmarks(found).tolist() == ["a", "b (acc)", "b (ppl)"]


def test_other_hyperparameters_are_numbers(material):
    others = other_hyperparameters(material.trials)
    assert others.columns.tolist() == ["weight_decay"]
    assert others["weight_decay"].between(0, 0.1).all()
    texts = pd.DataFrame({"prm": ['{"a":true,"b":"x","c":[1]}', '{"d":2}', '{"d":2}']})
    assert other_hyperparameters(texts).to_dict("list") == {
        "d": [pytest.approx(math.nan, nan_ok=True), 2, 2]
    }


def test_pretrained_networks_are_told_by_their_text(tmp_path):
    with Corpus.open(tmp_path / "p.db", create=True) as corpus:
        sources = {
            "yes": "m = resnet18(weights='DEFAULT')",
            "also": "vgg(weights = models.VGG16_Weights.IMAGENET1K_V1)",
            "no": "resnet18(weights=None); pretrained = False",
        }
        for name, source in sources.items():
            corpus.add_architecture(name=name, source=source, digest=name)
        found = load(corpus).networks["pretrained"].to_dict()
    assert found == {"yes": True, "also": True, "no": False}
