"""A small corpus with something for every section, made by the corpus' own methods."""

import numpy as np
import pytest
import sqlalchemy as sa

from lemur2.architecture import Candidate, Verdict
from lemur2.corpus import Corpus, Epoch, Facts, Outcome
from lemur2.corpus.db.schema import architectures, redundant, trials
from lemur2.statistics import load

HOSTILE = '=1+1 <script>alert("$x^2$")</script> \x07' + "long" * 12


def facts(parameters: int) -> Facts:
    return Facts(
        input_size=32,
        sample_shape=(3, 32, 32),
        outputs=(10,),
        parameters=parameters,
        flops=10 * parameters,
        memory=1 << 20,
        seconds=0.1,
        structure_digest="s",
    )


class Builder:
    """Adds networks and trials, with scores drawn from one seed."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.random = np.random.default_rng(5)
        self.digests = 0

    def network(self, name: str, family: str, parameters: int | None = None) -> None:
        self.digests += 1
        self.corpus.add_architecture(
            name=name,
            source=f"# {name}",
            digest=f"d{self.digests}",
            family=family,
            facts=None if parameters is None else facts(parameters),
        )

    def trial(
        self,
        name: str,
        scores: list[float],
        *,
        task: str = "img-classification",
        dataset: str = "digits",
        metric: str = "acc",
        transform: str = "norm_32",
        verdict: Verdict = Verdict.OK,
    ) -> int:
        prm = {
            "lr": float(10 ** self.random.uniform(-4, -1)),
            "batch": int(2 ** self.random.integers(2, 8)),
            "momentum": float(self.random.uniform(0, 1)),
            "weight_decay": float(self.random.uniform(0, 0.1)),
        }
        trial = self.corpus.begin_trial(
            name,
            task=task,
            dataset=dataset,
            metric=metric,
            transform=transform,
            hyperparameters=prm,
            seed=1,
            environment={},
        )
        seconds = float(self.random.uniform(1, 9))
        for number, score in enumerate(scores, start=1):
            epoch = Epoch(epoch=number, score=score, loss=None, seconds=seconds, memory=1)
            self.corpus.add_epoch(trial, epoch)
        self.corpus.finish_trial(trial, verdict)
        return trial

    def scores(self, epochs: int, low: float = 0.2, high: float = 0.8) -> list[float]:
        return sorted(float(score) for score in self.random.uniform(low, high, epochs))


def fill(corpus: Corpus) -> None:
    builder = Builder(corpus)
    for number in range(12):
        family = "ga" if number < 6 else "FractalNet"
        name = HOSTILE if number == 0 else f"{family}-{number}"
        builder.network(name, family, parameters=1000 * (number + 1))
        for dataset in ("digits", "cifar-10"):
            for _ in range(5 if dataset == "digits" else 1):
                builder.trial(name, builder.scores(3), dataset=dataset)
    for n in (1, 2, 3):
        for number in range(3):
            name = f"alt-nn{n}-{number}"
            builder.network(name, f"alt-nn{n}")
            for dataset in ("digits", "cifar-10"):
                builder.trial(name, builder.scores(1), dataset=dataset)
    builder.network("LSTM", "LSTM")
    builder.network("UNet-1", "UNet")
    for _ in range(4):
        text = {"task": "txt-generation", "dataset": "kjv", "metric": "ppl", "transform": "echo"}
        builder.trial("LSTM", builder.scores(2), **text)
        builder.trial(
            "UNet-1", builder.scores(4), task="img-segmentation", dataset="coco", metric="iou"
        )
    builder.trial("LSTM", [0.999], verdict=Verdict.DIVERGED)
    builder.network("Cheat", "Cheat")
    flagged = builder.trial("Cheat", [0.99, 1.0])
    builder.network("Copy", "ga")
    builder.trial("Copy", [0.98, 0.98])
    with corpus.database.write() as connection:
        ids = dict(
            connection.execute(sa.select(architectures.c.name, architectures.c.id)).tuples().all()
        )
        connection.execute(
            sa.insert(redundant).values(
                architecture_id=ids["Copy"],
                representative_id=ids["ga-1"],
                tier="canonical",
                similarity=1.0,
            )
        )
        connection.execute(sa.update(trials).where(trials.c.id == flagged).values(flagged="no"))


def attempt(corpus: Corpus) -> None:
    """A run of three candidates, two of which failed."""
    run = corpus.start_run(
        verb="grow",
        generator="fractal",
        config={},
        seed=1,
        protocol={},
        limits={},
        total=3,
        environment={},
    )
    made = [Candidate(source=f"x{n}", generator="fractal", prefix="F") for n in range(3)]
    asked = [(candidate, f"F-{n}", f"f{n}") for n, candidate in enumerate(made)]
    corpus.advance(run, told=0, state={}, asked=asked)
    for n, verdict in enumerate((Verdict.SYNTAX, Verdict.BUILD, Verdict.SHAPE)):
        outcome = Outcome(candidate=made[n], name=f"F-{n}", digest=f"f{n}", verdict=verdict)
        corpus.record(run, n, outcome)


@pytest.fixture(scope="session")
def filled(tmp_path_factory):
    """The place of the corpus; not to be changed."""
    place = tmp_path_factory.mktemp("statistics") / "filled.db"
    with Corpus.open(place, create=True) as corpus:
        fill(corpus)
        attempt(corpus)
    return place


@pytest.fixture(scope="session")
def material(filled):
    with Corpus.open(filled, read_only=True) as corpus:
        return load(corpus)


@pytest.fixture(scope="session")
def hostile():
    """A network's name as a generator may make it up."""
    return HOSTILE
