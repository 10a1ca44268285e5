"""The loop on its own: order, resume and dedupe, with an engine that answers at once.

The real engine, killed for real, is in `test_kill.py`.
"""

import random
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import pytest
from driving import WithoutWorkers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lemur2.architecture import Candidate, Verdict
from lemur2.corpus import Corpus, Epoch, Facts, Outcome, TrialResult
from lemur2.corpus.pool import Pool
from lemur2.errors import UsageError
from lemur2.evaluation import Limits, Protocol
from lemur2.evaluation.plan import Plan
from lemur2.loop import Generator, Settings, grow, same_run, start_run

TEMPLATE = """
from torch import nn

def supported_hyperparameters():
    return {{"lr"}}

class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.layer = nn.Linear({width}, out_shape[0])

    def train_setup(self, prm):
        pass

    def learn(self, train_data):
        pass

    def forward(self, x):
        return self.layer(x)
"""


@dataclass(frozen=True, kw_only=True)
class ClimberConfig:
    step: int = field(default=3, metadata={"help": "largest change"})


class Climber(Generator[ClimberConfig]):
    """Changes the best width it was told of: what it asks depends on everything it heard."""

    name: ClassVar[str] = "climber"
    about: ClassVar[str] = "climbing widths"
    Config = ClimberConfig

    def __init__(self, config: ClimberConfig, seed: int) -> None:
        super().__init__(config, seed)
        self.random = random.Random(seed)
        self.best = (0.0, 10)

    def ask(self, limit):
        return [self._propose() for _ in range(limit)]

    def _propose(self):
        width = self.best[1] + self.random.randint(-self.config.step, self.config.step)
        source = "not python (" if width % 7 == 0 else TEMPLATE.format(width=width)
        return Candidate(
            source=source, generator=self.name, prefix="climb", parameters={"width": width}
        )

    def tell(self, outcomes):
        for outcome in outcomes:
            if outcome.score is not None:
                self.best = max(self.best, (outcome.score, outcome.candidate.parameters["width"]))

    def state(self):
        version, inner, gauss = self.random.getstate()
        return {"random": [version, list(inner), gauss], "best": list(self.best)}

    def load_state(self, state):
        version, inner, gauss = state["random"]
        self.random.setstate((version, tuple(inner), gauss))
        self.best = tuple(state["best"])


class Crash(BaseException):
    """The process is gone, as far as the loop can tell."""


class InstantEngine(WithoutWorkers):
    """Outcomes are a function of the source; they arrive in an order of its own choosing."""

    def __init__(self, order: random.Random, crash_after: int | None = None) -> None:
        super().__init__(workers=4)
        self.order, self.left = order, crash_after
        self.waiting: list[tuple[Future[Outcome], Outcome]] = []

    def evaluate(self, asked):
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Crash
        future: Future[Outcome] = Future()
        self.waiting.append(
            (future, _outcome(asked.candidate, asked.name, asked.digest, asked.plan))
        )
        self.order.shuffle(self.waiting)
        if len(self.waiting) >= 3 or self.order.random() < 0.5:
            self.release()
        return future

    def release(self):
        for future, outcome in self.waiting:
            future.set_result(outcome)
        self.waiting.clear()


def _outcome(candidate: Candidate, name: str, digest: str, plan: Plan) -> Outcome:
    width = candidate.parameters["width"]
    verdict = Verdict.BUILD if width % 5 == 0 else Verdict.OK
    ok = verdict is Verdict.OK
    epoch = Epoch(epoch=1, score=1 - 1 / (2 + abs(width)), loss=1.0, seconds=0.1, memory=1)
    return Outcome(
        candidate=candidate,
        name=name,
        digest=digest,
        verdict=verdict,
        reason="" if ok else "no",
        facts=Facts(
            input_size=8,
            sample_shape=(1, 8, 8),
            outputs=(10,),
            parameters=width,
            flops=1,
            memory=1,
            seconds=0.1,
            structure_digest=f"{width:064x}",
        )
        if ok
        else None,
        trial=TrialResult(
            task=plan.task.name,
            dataset=plan.protocol.dataset,
            metric=plan.metric,
            transform=plan.transform,
            transform_source=plan.transform_source,
            hyperparameters=_prm(plan),
            seed=plan.protocol.seed,
            verdict=verdict,
            epochs=(epoch,),
        )
        if ok
        else None,
    )


def _prm(plan: Plan) -> dict[str, Any]:
    """What a network that declares `lr` is built with."""
    given = plan.protocol.hyperparameters
    fixed = {"transform": plan.transform, "epoch": plan.protocol.epochs}
    return {"lr": given["lr"], "batch": given["batch"], **fixed}


@pytest.fixture(scope="module")
def plan():
    return Plan.of(Protocol(dataset="digits"))


def _run(path, plan, order=0, crashes=(), total=30, window=5):
    """A whole run, interrupted after so many submissions each time."""
    with Corpus.open(path, create=True) as corpus:
        generator = Climber(ClimberConfig(), 1)
        run = start_run(corpus, generator, plan, Limits(), Settings(total=total, window=window))
    for crash in (*crashes, None):
        with Corpus.open(path) as corpus:
            engine = InstantEngine(random.Random(order), crash)
            try:
                grow(corpus, run, Climber(ClimberConfig(), 1), plan, _Waiter(engine))
            except Crash:
                continue
            dump = corpus.content_dump()
            outcomes = corpus.outcomes(run)
    return dump, outcomes


class _Waiter(WithoutWorkers):
    """Releases what the instant engine holds back before anyone could wait for it."""

    def __init__(self, engine):
        super().__init__(workers=engine.workers)
        self.engine = engine

    def evaluate(self, asked):
        future = self.engine.evaluate(asked)
        self.engine.release()
        return future


def test_every_candidate_has_one_outcome(tmp_path, plan):
    _, outcomes = _run(tmp_path / "c.db", plan)
    assert sorted(outcomes) == list(range(30))
    verdicts = {outcome.verdict for outcome in outcomes.values()}
    assert {Verdict.OK, Verdict.DUPLICATE, Verdict.BUILD} <= verdicts


def test_a_duplicate_names_the_first_and_is_not_trained(tmp_path, plan):
    _, outcomes = _run(tmp_path / "c.db", plan)
    seen: dict[str, str] = {}
    for _, outcome in sorted(outcomes.items()):
        if outcome.digest in seen:
            assert outcome.verdict is Verdict.DUPLICATE
            assert outcome.duplicate_of == seen[outcome.digest]
            assert outcome.trial is None
            assert outcome.score is None
        elif outcome.digest:
            assert outcome.verdict is not Verdict.DUPLICATE
            seen[outcome.digest] = outcome.name


def test_a_second_run_knows_the_first(tmp_path, plan):
    _run(tmp_path / "c.db", plan)
    with Corpus.open(tmp_path / "c.db") as corpus:
        generator = Climber(ClimberConfig(), 1)
        run = start_run(corpus, generator, plan, Limits(), Settings(total=5, window=5))
        grow(corpus, run, generator, plan, _Waiter(InstantEngine(random.Random(0))))
        for outcome in corpus.outcomes(run).values():
            if outcome.digest and outcome.candidate.parameters["width"] % 5:
                assert outcome.verdict is Verdict.DUPLICATE


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    order=st.integers(0, 2**16),
    crashes=st.lists(st.integers(0, 12), max_size=6),
)
def test_order_and_interruptions_change_nothing(tmp_path_factory, plan, order, crashes):
    folder = tmp_path_factory.mktemp("runs")
    plain, _ = _run(folder / "plain.db", plan)
    disturbed, _ = _run(folder / "disturbed.db", plan, order, crashes)
    assert disturbed == plain


def test_progress_has_the_best_of_the_whole_run(tmp_path, plan):
    steps = []
    with Corpus.open(tmp_path / "c.db", create=True) as corpus:
        generator = Climber(ClimberConfig(), 1)
        run = start_run(corpus, generator, plan, Limits(), Settings(total=30, window=5))
        for crash in (9, None):
            engine = _Waiter(InstantEngine(random.Random(0), crash))
            try:
                grow(corpus, run, Climber(ClimberConfig(), 1), plan, engine, steps.append)
            except Crash:
                assert 3 < len(steps) < 30
    best = 0.0
    for step in steps:
        best = max(best, step.outcome.score or 0.0)
        assert (step.best.score if step.best else 0.0) == best
    assert len(steps) == 30


def test_a_generator_meets_what_there_was_when_its_run_began(tmp_path, plan):
    _, first = _run(tmp_path / "c.db", plan)
    began = len(Pool(None, task=plan.task.name).members)
    kept = sum(outcome.verdict is Verdict.OK for outcome in first.values())
    with Corpus.open(tmp_path / "c.db") as corpus:
        generator = Recorder(ClimberConfig(step=900), 2)
        run = start_run(corpus, generator, plan, Limits(), Settings(total=9, window=3))
        with pytest.raises(Crash):
            grow(corpus, run, generator, plan, _Waiter(InstantEngine(random.Random(0), 2)))
        resumed = Recorder(ClimberConfig(step=900), 2)
        grow(corpus, run, resumed, plan, _Waiter(InstantEngine(random.Random(0))))
    assert kept
    assert generator.log == resumed.log == [f"met {began + kept}", "closed"]


class Recorder(Climber):
    def __init__(self, config, seed):
        super().__init__(config, seed)
        self.log: list[str] = []

    def meet(self, pool):
        self.log.append(f"met {len(pool.members)}")

    def close(self):
        self.log.append("closed")


def test_a_run_is_found_again(tmp_path, plan):
    with Corpus.open(tmp_path / "c.db", create=True) as corpus:
        generator = Climber(ClimberConfig(), 1)
        wanted = Settings(total=7)
        run = start_run(corpus, generator, plan, Limits(), wanted)
        assert same_run(corpus, generator, plan, wanted).id == run
        assert same_run(corpus, generator, plan, Settings(total=8)) is None
        assert same_run(corpus, Climber(ClimberConfig(), 2), plan, wanted) is None


@pytest.mark.parametrize("wrong", [{"total": 0}, {"total": 1, "window": 0}])
def test_settings_are_checked(wrong: dict[str, Any]):
    with pytest.raises(UsageError):
        Settings(**wrong)


class Flips(Climber):
    """Proposes one transform, for each of some networks of the zoo."""

    networks = ("LeNet",)

    def ask(self, limit):
        given, self.networks = self.networks[:limit], self.networks[limit:]
        source = "def transform(norm):\n    return None\n"
        kind = {"kind": "transform", "generator": self.name, "prefix": "flip"}
        return [
            Candidate(source=source, parents=(network,), parameters={"width": 3}, **kind)
            for network in given
        ]


def test_a_transform_is_tried_again_on_other_data_and_networks(tmp_path, plan):
    other = replace(plan, protocol=plan.protocol.with_(dataset="mnist-5k"))
    with Corpus.open(tmp_path / "c.db", create=True) as corpus:

        def verdicts(plan, *networks):
            generator = Flips(ClimberConfig(), 1)
            generator.networks = networks
            run = start_run(corpus, generator, plan, Limits(), Settings(total=9))
            grow(corpus, run, generator, plan, _Waiter(InstantEngine(random.Random(0))))
            return [str(outcome.verdict) for outcome in corpus.outcomes(run).values()]

        assert verdicts(plan, "LeNet", "LeNet", "ResNet20") == ["ok", "duplicate", "ok"]
        assert verdicts(plan, "LeNet") == ["duplicate"]
        assert verdicts(other, "LeNet") == ["ok"]
        assert verdicts(other, "LeNet", "ResNet8") == ["duplicate", "ok"]


class Eleven(Climber):
    """Proposes one and the same network."""

    def ask(self, limit):
        source, parameters = TEMPLATE.format(width=11), {"width": 11}
        whose = {"generator": self.name, "prefix": f"of-{self.seed}"}
        return [Candidate(source=source, parameters=parameters, **whose) for _ in range(limit)]


def test_a_repeat_is_one_of_this_run_before_it_is_one_of_the_corpus(tmp_path, plan):
    """Trained before and proposed twice: the first repeats the corpus, the second this run."""
    with Corpus.open(tmp_path / "c.db", create=True) as corpus:
        for seed in (1, 2):
            generator = Eleven(ClimberConfig(), seed)
            run = start_run(corpus, generator, plan, Limits(), Settings(total=2, window=1))
            grow(corpus, run, generator, plan, _Waiter(InstantEngine(random.Random(0))))
        first, second = (corpus.outcomes(run)[index] for index in (0, 1))
    assert first.verdict is second.verdict is Verdict.DUPLICATE
    assert first.reason != second.reason


class Trainings(Climber):
    """Proposes one network with other numbers of epochs."""

    def ask(self, limit):
        source, parameters = TEMPLATE.format(width=11), {"width": 11}
        return [
            Candidate(
                source=source,
                generator=self.name,
                parameters=parameters,
                training={"epochs": epochs},
            )
            for epochs in (1, 2, 1)
        ][:limit]


def test_a_network_with_another_training_is_another_candidate(tmp_path, plan):
    with Corpus.open(tmp_path / "c.db", create=True) as corpus:
        generator = Trainings(ClimberConfig(), 1)
        run = start_run(corpus, generator, plan, Limits(), Settings(total=3, window=3))
        grow(corpus, run, generator, plan, _Waiter(InstantEngine(random.Random(0))))
        verdicts = [str(corpus.outcomes(run)[index].verdict) for index in range(3)]
    assert verdicts == ["ok", "ok", "duplicate"]
