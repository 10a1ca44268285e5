"""The conformance suite of a generator: inherit `GeneratorSuite`, supply its class.

class TestMine(GeneratorSuite):
    @pytest.fixture
    def generator_class(self):
        return MyGenerator
"""

from __future__ import annotations

import base64
import dataclasses
import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from lemur2.architecture import (
    Architecture,
    Candidate,
    TransformSource,
    Verdict,
)
from lemur2.corpus import Epoch, Outcome, TrialResult
from lemur2.corpus.pool import Pool
from lemur2.loop.generator import Generator

ENOUGH = 24  # candidates that a run is judged by


def parsed(candidate: Candidate) -> Architecture | TransformSource:
    """The candidate's source, read as what it says it is.

    Raises:
        Refusal: It does not parse, or breaks the contract of its kind.
    """
    return candidate.parse()


def outcome_of(candidate: Candidate) -> Outcome:
    """What the loop could tell about a candidate: every fourth fails, the rest score.

    It depends on the candidate's source alone, so two equal runs hear the same.
    """
    read = parsed(candidate)
    chance = int(read.digest[:8], 16) / 2**32
    if chance < 0.25:
        return Outcome(
            candidate=candidate,
            name=read.name,
            digest=read.digest,
            verdict=Verdict.SHAPE,
            reason="too small",
        )
    trial = TrialResult(
        task="img-classification",
        dataset="digits",
        metric="acc",
        transform="norm",
        hyperparameters={"lr": 0.01, "batch": 64},
        seed=0,
        verdict=Verdict.OK,
        epochs=(Epoch(epoch=1, score=chance, loss=1.0, seconds=1.0, memory=1),),
    )
    return Outcome(
        candidate=candidate, name=read.name, digest=read.digest, verdict=Verdict.OK, trial=trial
    )


def run(generator: Generator[Any], count: int, batch: int = 4) -> list[Candidate]:
    """Ask and tell in batches until there are `count` candidates or the generator is exhausted."""
    found: list[Candidate] = []
    while len(found) < count:
        asked = list(generator.ask(min(batch, count - len(found))))
        if not asked:
            break
        generator.tell([outcome_of(candidate) for candidate in asked])
        found += asked
    return found


_ASK_IN_A_NEW_PROCESS = """
import base64, pickle, sys
sys.path[:] = pickle.loads(base64.b64decode(sys.argv[1]))
cls, config = pickle.loads(base64.b64decode(sys.argv[2]))
from lemur2.corpus.pool import Pool
generator = cls(config, 0)
generator.meet(Pool(None, task="img-classification"))
assert generator.ask(2), "asked in vain"
generator.close()
assert "torch" not in sys.modules, "asking imported torch"
"""


class GeneratorSuite:
    """What the grow loop relies on. Override `generator_class`, and `config` where needed."""

    @pytest.fixture
    def generator_class(self) -> type[Generator[Any]]:
        """The class under test."""
        raise NotImplementedError("supply a fixture `generator_class` that gives your class")

    @pytest.fixture
    def config(self, generator_class: type[Generator[Any]]) -> Any:
        """A configuration that gives at least 24 candidates. By default the default one."""
        return generator_class.Config()

    @pytest.fixture
    def small_config(self) -> Any:
        """A configuration that is exhausted within 10,000 candidates; None where none is."""
        return None

    @pytest.fixture
    def random(self) -> bool:
        """Whether its choices depend on the seed."""
        return True

    @pytest.fixture(scope="class")
    def pool(self) -> Pool:
        """The networks that it gets to know. By default the zoo alone."""
        return Pool(None, task="img-classification")

    @pytest.fixture
    def new(
        self, generator_class: type[Generator[Any]], config: Any, pool: Pool
    ) -> Iterator[Callable[..., Any]]:
        """Makes a generator of a seed, 0 by default."""
        with ExitStack() as made:

            def make(seed: int = 0) -> Generator[Any]:
                generator = made.enter_context(closing(generator_class(config, seed)))
                generator.meet(pool)
                return generator

            yield make

    def test_it_says_what_it_is(self, generator_class: type[Generator[Any]]) -> None:
        """A name for the command line and a line for its help."""
        assert generator_class.name == generator_class.name.lower().strip()
        assert generator_class.about
        assert "\n" not in generator_class.about

    def test_its_configuration_is_documented(self, generator_class: type[Generator[Any]]) -> None:
        """A frozen dataclass, keyword only, every field with a default and a help text."""
        config_class = generator_class.Config
        assert dataclasses.is_dataclass(config_class)
        config = config_class()
        for field in dataclasses.fields(config_class):
            assert field.kw_only, f"{field.name} is positional"
            assert field.metadata.get("help"), f"{field.name} has no help"
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(config, field.name, None)

    def test_its_description_is_json(self, new: Callable[..., Any]) -> None:
        """The run ledger stores it."""
        json.dumps(new().describe())

    def test_it_never_gives_more_than_the_limit(self, new: Callable[..., Any]) -> None:
        """From one candidate up."""
        generator = new()
        for limit in (1, 2, 5):
            asked = generator.ask(limit)
            assert len(asked) <= limit
            generator.tell([outcome_of(candidate) for candidate in asked])

    def test_its_candidates_keep_their_contract(
        self, generator_class: type[Generator[Any]], new: Callable[..., Any]
    ) -> None:
        """They parse, each under a name of its own, and say where they come from."""
        candidates = run(new(), ENOUGH)
        assert len(candidates) == ENOUGH
        assert len({parsed(candidate).name for candidate in candidates}) == ENOUGH
        for candidate in candidates:
            assert candidate.generator == generator_class.name
            assert candidate.prefix or candidate.name
            json.dumps(dict(candidate.parameters))

    def test_equal_seeds_give_equal_runs(self, new: Callable[..., Any]) -> None:
        """Whatever the generator hears is the same in both, so are its candidates."""
        assert run(new(3), ENOUGH) == run(new(3), ENOUGH)

    def test_different_seeds_give_different_runs(
        self, new: Callable[..., Any], random: bool
    ) -> None:
        """In candidates or in their order."""
        if not random:
            pytest.skip("its choices do not depend on the seed")
        one, other = run(new(1), ENOUGH), run(new(2), ENOUGH)
        assert [c.source for c in one] != [c.source for c in other]

    @pytest.mark.parametrize("told", [0, 4, 12])
    def test_it_continues_from_its_state(self, new: Callable[..., Any], told: int) -> None:
        """In a new instance, from JSON, as if it had never been interrupted."""
        whole = new(5)
        run(whole, told)
        stored = json.dumps(whole.state())
        resumed = new(5)
        resumed.load_state(json.loads(stored))
        assert json.dumps(resumed.state()) == stored
        assert run(resumed, ENOUGH) == run(whole, ENOUGH)

    def test_it_continues_with_candidates_outstanding(self, new: Callable[..., Any]) -> None:
        """A run may be killed between asking and telling."""
        whole, resumed = new(6), new(6)
        run(whole, 4)
        asked = list(whole.ask(3))
        resumed.load_state(json.loads(json.dumps(whole.state())))
        outcomes = [outcome_of(candidate) for candidate in asked]
        whole.tell(outcomes)
        resumed.tell(outcomes)
        assert run(resumed, ENOUGH) == run(whole, ENOUGH)

    def test_asking_for_its_state_changes_nothing(self, new: Callable[..., Any]) -> None:
        """The loop stores it with every step."""
        watched, left_alone = new(7), new(7)
        found = []
        for _ in range(3):
            json.dumps(watched.state())
            found += run(watched, 4)
        assert found == run(left_alone, 12)

    def test_exhaustion_is_an_empty_answer(
        self, generator_class: type[Generator[Any]], small_config: Any, pool: Pool
    ) -> None:
        """Again and again, after candidates that are all different."""
        if small_config is None:
            pytest.skip("it has no configuration that is exhausted")
        with closing(generator_class(small_config, 0)) as generator:
            generator.meet(pool)
            candidates = run(generator, 10_000, batch=50)
            assert 0 < len(candidates) < 10_000
            assert len({parsed(candidate).name for candidate in candidates}) == len(candidates)
            assert list(generator.ask(1)) == []
            assert list(generator.ask(5)) == []

    def test_asking_imports_no_torch(
        self, generator_class: type[Generator[Any]], config: Any
    ) -> None:
        """The loop's process proposes; only workers run networks."""
        arguments = [
            base64.b64encode(pickle.dumps(value)).decode()
            for value in (sys.path, (generator_class, config))
        ]
        done = subprocess.run(
            [sys.executable, "-c", _ASK_IN_A_NEW_PROCESS, *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
