"""Candidates whose text differs in whitespace only, but which are other programs."""

import random
from typing import ClassVar

import pytest
from test_grow import TEMPLATE, ClimberConfig, InstantEngine, _Waiter

from lemur2.architecture import Architecture, Candidate, Verdict, canonical_digest
from lemur2.corpus import Corpus
from lemur2.evaluation import Limits, Protocol
from lemur2.evaluation.plan import Plan
from lemur2.loop import Generator, Settings, grow, start_run

LOOP = "        for _ in range(2):\n            x = x + 1\n"
ENDING = "        return self.layer(x)\n"
OUTSIDE = TEMPLATE.format(width=8).replace(ENDING, LOOP + ENDING)
INSIDE = TEMPLATE.format(width=8).replace(ENDING, LOOP + "    " + ENDING)


class Listed(Generator[ClimberConfig]):
    name: ClassVar[str] = "listed"
    about: ClassVar[str] = "what it is given"
    Config = ClimberConfig
    sources: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config, seed):
        super().__init__(config, seed)
        self.next = 0

    def ask(self, limit):
        given = self.sources[self.next : self.next + limit]
        self.next += len(given)
        return [
            Candidate(source=s, generator=self.name, prefix="w", parameters={"width": 8})
            for s in given
        ]

    def state(self):
        return {"next": self.next}

    def load_state(self, state):
        self.next = state["next"]


def outcomes_of(corpus: Corpus, plan: Plan, *sources: str):
    kind = type("Given", (Listed,), {"sources": sources})
    generator = kind(ClimberConfig(), 0)
    run = start_run(corpus, generator, plan, Limits(), Settings(total=len(sources)))
    grow(corpus, run, generator, plan, _Waiter(InstantEngine(random.Random(0))))
    return [outcome for _, outcome in sorted(corpus.outcomes(run).items())]


@pytest.fixture(scope="module")
def plan():
    return Plan.of(Protocol(dataset="digits"))


def test_the_two_share_a_name_but_are_two_programs():
    assert canonical_digest(OUTSIDE) != canonical_digest(INSIDE)
    assert Architecture.parse(OUTSIDE).name == Architecture.parse(INSIDE).name


@pytest.mark.parametrize("runs", [1, 2], ids=["in one run", "in a later run"])
def test_the_second_is_refused_and_the_run_goes_on(tmp_path, plan, runs):
    with Corpus.open(tmp_path / "c.db", create=True) as corpus:
        if runs == 1:
            first, second, third = outcomes_of(corpus, plan, OUTSIDE, INSIDE, OUTSIDE + "# end\n")
        else:
            (first,) = outcomes_of(corpus, plan, OUTSIDE)
            second, third = outcomes_of(corpus, plan, INSIDE, OUTSIDE + "# end\n")
        assert first.verdict is Verdict.OK
        assert (second.verdict, second.duplicate_of) == (Verdict.DUPLICATE, first.name)
        assert "whitespace" in second.reason
        assert (third.verdict, third.duplicate_of) == (Verdict.DUPLICATE, first.name)
        assert "same network" in third.reason


def test_a_name_that_only_a_broken_file_had_is_free(tmp_path, plan):
    broken = OUTSIDE.replace("        return self.layer(x)", "          return self.layer(x)")
    with Corpus.open(tmp_path / "c.db", create=True) as corpus:
        first, second = outcomes_of(corpus, plan, broken, OUTSIDE)
        assert first.verdict is Verdict.SYNTAX
        assert first.name == second.name
        assert second.verdict is Verdict.OK
