"""The statistics read a corpus on PostgreSQL as they read a file."""

import pandas as pd

from lemur2.architecture import Verdict
from lemur2.corpus import Corpus, Epoch
from lemur2.statistics import load


def filled(place):
    corpus = Corpus.open(place, create=True)
    for name in ("AlexNet", "ga-1"):
        corpus.add_architecture(name=name, source=f"# {name} pretrained=True", digest=name)
        trial = corpus.begin_trial(
            name,
            task="img-classification",
            dataset="digits",
            metric="acc",
            transform="norm_32",
            hyperparameters={"lr": 0.1, "batch": 64, "weight_decay": 0.5},
            seed=1,
            environment={},
        )
        for epoch, score in enumerate((0.25, float("nan"), 0.75), start=1):
            corpus.add_epoch(
                trial, Epoch(epoch=epoch, score=score, loss=None, seconds=1.5, memory=1)
            )
        corpus.finish_trial(trial, Verdict.OK)
    return corpus


def test_the_same_frames_on_both(postgres_place, tmp_path):
    with filled(postgres_place) as server, filled(tmp_path / "file.db") as file:
        one, other = load(server), load(file)
    assert one.trials["best"].tolist() == [0.75, 0.75]
    assert one.networks["pretrained"].all()
    for name in ("trials", "epochs", "networks"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name))
