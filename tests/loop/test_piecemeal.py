"""Generators that take their time over a candidate: what they gave is recorded meanwhile."""

import threading

import pytest

from lemur2.architecture import Candidate, Verdict
from lemur2.corpus import Corpus
from lemur2.evaluation import Limits, Protocol
from lemur2.evaluation.plan import Plan
from lemur2.generators.fractal import FractalConfig, FractalGenerator
from lemur2.loop import Settings, start_run
from lemur2.loop import grow as grow_loop


class Slow(FractalGenerator):
    """Gives one; gives the next one only when the first one's outcome was seen."""

    name = "slow"
    piecemeal = True

    def __init__(self, seed, seen=None):
        super().__init__(FractalConfig(), seed)
        self.seen, self.number = seen, 0

    def ask(self, limit):
        if self.number == 1 and self.seen is not None and not self.seen.wait(60):
            pytest.fail("the first candidate was not recorded while the second was written")
        self.number += 1
        return [Candidate(source=f"no network {self.number}", generator=self.name)]

    def state(self):
        return {"number": self.number}

    def load_state(self, state):
        self.number = state["number"]


def attempts(corpus, run):
    return [(each.index, each.name, each.outcome.verdict) for each in corpus.attempts(run)]


@pytest.fixture
def plan():
    return Plan.of(Protocol(dataset="digits"))


def test_a_candidate_is_recorded_while_the_next_one_is_written(tmp_path, plan):
    seen = threading.Event()
    with Corpus.open(tmp_path / "c.db", create=True) as corpus:
        generator = Slow(0, seen)
        run = start_run(corpus, generator, plan, Limits(), Settings(total=3, window=2))
        grow_loop(corpus, run, generator, plan, None, lambda step: seen.set())
        found = attempts(corpus, run)
    assert [index for index, _, _ in found] == [0, 1, 2]
    assert {verdict for _, _, verdict in found} == {Verdict.SYNTAX}


def test_a_window_that_was_not_full_is_filled_on_resuming(tmp_path, plan):
    """Killed after each number of candidates, the run ends as the undisturbed one did."""
    ends = []
    for stop in (0, 1, 2, 3):
        with Corpus.open(tmp_path / f"{stop}.db", create=True) as corpus:
            run = start_run(corpus, Slow(0), plan, Limits(), Settings(total=4, window=2))
            if stop:
                with pytest.raises(KeyboardInterrupt):
                    grow_loop(corpus, run, Slow(0), plan, None, stop_after(stop))
            grow_loop(corpus, run, Slow(0), plan, None)
            ends.append(attempts(corpus, run))
    assert ends[1:] == ends[:1] * 3


def stop_after(count):
    def progress(step):
        if step.recorded == count:
            raise KeyboardInterrupt

    return progress
