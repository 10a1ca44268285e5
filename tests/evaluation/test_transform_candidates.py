"""Transforms as candidates: screened on the data's images, tried on a network, recorded."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import pytest

from lemur2.architecture import Candidate, Verdict, zoo_source
from lemur2.corpus import Corpus
from lemur2.errors import UsageError, UserError
from lemur2.evaluation import Limits, Protocol
from lemur2.evaluation.evaluate import Evaluation
from lemur2.evaluation.plan import Plan
from lemur2.loop import Generator, Settings, grow, start_run

FILE = """
import random
import numpy as np
import torch
from torchvision import transforms
{top}

def transform(norm):
    return transforms.Compose([{steps}])
"""
END = "transforms.Resize((32, 32)), transforms.ToTensor(), transforms.Normalize(*norm)"


def file(steps=END, top=""):
    return FILE.format(steps=steps, top=top)


def custom(body):
    """A transform whose last step is a function of the tensor."""
    return file(f"{END}, transforms.Lambda(change)", f"count = [0]\ndef change(x):\n    {body}")


BAD = {
    "raises on import": (file(top="1 / 0"), "import", "ZeroDivisionError"),
    "raises when built": (file("transforms.Resize()"), "build", "TypeError"),
    "raises on an image": (custom("raise ValueError('no')"), "shape", "ValueError"),
    "no tensor": (file("transforms.Resize((32, 32))"), "shape", "ToTensor"),
    "flattens": (custom("return x.flatten()"), "shape", "channels, height, width"),
    "random sizes": (
        custom("return x[:, : random.randint(8, 32)]"),
        "shape",
        "",
    ),
    "whole numbers": (custom("return (x * 255).long()"), "shape", "floating point"),
    "not finite": (custom("return x / 0"), "diverged", "not finite"),
    "remembers": (custom("count[0] += 1; return x + count[0]"), "contract", "same seed"),
    "noise in evaluation": (custom("return x + torch.rand(())"), "contract", "its batch"),
    "too much memory": (custom("return torch.zeros(1 << 33)"), "memory", ""),
    "writes": (custom("open('/tmp/../etc/mark', 'w'); return x"), "forbidden", "Permission"),
    "too small for the network": (
        file("transforms.Resize((1, 1)), transforms.ToTensor()"),
        None,
        "does not work at the 1x1x1",
    ),
}
PICKY = zoo_source("LeNet")


@pytest.fixture(scope="module")
def plan():
    return Plan.of(Protocol(dataset="digits"))


def evaluated(engine, plan, source, network=PICKY, **options):
    candidate = Candidate(
        source=source, kind="transform", generator="test", prefix="t", parents=("LeNet",)
    )
    read = candidate.parse()
    return engine.evaluate(
        Evaluation(
            candidate=candidate,
            name=read.name,
            digest=read.digest,
            plan=plan,
            network=network,
            **options,
        )
    ).result()


@pytest.mark.parametrize("case", BAD)
def test_refused(engine, plan, case):
    source, verdict, words = BAD[case]
    outcome = evaluated(engine, plan, source, max_flops=0)
    assert outcome.verdict is not Verdict.OK
    assert verdict in (None, outcome.verdict)
    assert words in outcome.reason


def test_is_trained_under_its_own_name_and_source(engine, plan):
    outcome = evaluated(engine, plan, file())
    assert outcome.verdict is Verdict.OK
    assert outcome.trial.transform == outcome.name == outcome.trial.hyperparameters["transform"]
    assert outcome.trial.transform_source == file()
    assert outcome.facts.sample_shape == (1, 32, 32)
    assert 0 < outcome.score <= 1


def test_a_network_is_screened_for_the_classes_that_the_data_has(engine, plan):
    """Also where it was screened before at the same shape, for other data."""
    fewer = replace(plan, spec=replace(plan.spec, outputs=(7,)))
    found = [evaluated(engine, each, file(), max_flops=0) for each in (plan, fewer, plan)]
    assert [outcome.facts.outputs for outcome in found] == [(10,), (7,), (10,)]


def test_says_what_runs_image_by_image(engine, plan):
    outcome = evaluated(engine, plan, file(f"transforms.RandomPerspective(), {END}"), max_flops=0)
    assert outcome.facts.notes == ("runs image by image: RandomPerspective",)


def test_text_has_no_transforms():
    plan = Plan.of(Protocol(dataset="python-reference"))
    with pytest.raises(UsageError, match="has no transforms"):
        plan.under("t", file())


@dataclass(frozen=True, kw_only=True)
class FilesConfig:
    sources: tuple[tuple[str, str], ...] = field(default=(), metadata={"help": "network, source"})


class Files(Generator[FilesConfig]):
    name: ClassVar[str] = "files"
    about: ClassVar[str] = "given files"
    Config = FilesConfig
    given = 0

    def ask(self, limit):
        found = self.config.sources[self.given : self.given + limit]
        self.given += len(found)
        return [
            Candidate(
                source=source, kind="transform", generator="files", prefix="t", parents=(network,)
            )
            for network, source in found
        ]

    def state(self):
        return {"given": self.given}

    def load_state(self, state):
        self.given = state["given"]


def grown(corpus, engine, plan, *sources, max_flops=None):
    generator = Files(FilesConfig(sources=sources), 0)
    settings = Settings(total=len(sources), max_flops=max_flops)
    run = start_run(corpus, generator, plan, Limits(), settings)
    grow(corpus, run, generator, plan, engine)
    return [outcome for _, outcome in sorted(corpus.outcomes(run).items())]


def test_the_loop_dedupes_tries_and_records(engine, plan, tmp_path):
    other = file().replace("32, 32", "28, 28")
    with Corpus.open(tmp_path / "c.db", create=True) as corpus:
        outcomes = grown(
            corpus,
            engine,
            plan,
            ("LeNet", file()),
            ("LeNet", file() + "# the same\n"),
            ("ResNet8", file()),
            ("LeNet", "def transform(norm, more):\n    pass\n"),
        )
        verdicts = [outcome.verdict.value for outcome in outcomes]
        assert verdicts == ["ok", "duplicate", "ok", "contract"]
        assert outcomes[1].duplicate_of == outcomes[0].name
        trials = corpus.trials()
        assert [(t.architecture, t.result.transform) for t in trials] == [
            ("LeNet", outcomes[0].name),
            ("ResNet8", outcomes[0].name),
        ]
        stages = {stage.stage: stage.count for stage in corpus.funnel()["files"]}
        assert (stages["parses"], stages["learns"], stages["unique"]) == (4, 3, 2)
        assert corpus.architecture("LeNet").source == PICKY
        again = grown(corpus, engine, plan, ("LeNet", file()), ("LeNet", other))
        assert [outcome.verdict.value for outcome in again] == ["duplicate", "ok"]


def test_a_network_that_is_not_there_is_the_users_mistake(engine, plan, tmp_path):
    with (
        Corpus.open(tmp_path / "c.db", create=True) as corpus,
        pytest.raises(UserError, match="a network Nosuch"),
    ):
        grown(corpus, engine, plan, ("Nosuch", file()))
