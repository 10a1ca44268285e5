"""Attacks inside a running `grow`: each ends in its verdict, and no neighbour notices."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lemur2.architecture import Candidate
from lemur2.corpus import Corpus
from lemur2.evaluation import Limits, Protocol
from lemur2.evaluation.engines import LocalEngine
from lemur2.evaluation.plan import Plan
from lemur2.generators.fractal import FractalGenerator
from lemur2.loop import Generator, Settings, grow, start_run

FOLDER = Path(__file__).parents[1] / "hostile"
LIMITS = Limits(screen_seconds=10, train_seconds=20, memory=1 << 30)
ATTACKS = (
    *("fork_os", "fork_caught", "thread_left", "child_left", "memory_torch", "memory_python"),
    *("disk_one_file", "disk_deleted_files", "flood_output", "exit_zero", "exit_zero_learn"),
    *("segfault", "kill_itself", "signals", "forged_output", "forged_frames", "close_descriptors"),
    *("loop_import", "poison_scratch", "poison_training_data", "patch_torch", "labels_gc"),
    *("labels_package_mnist", "predictions_nan", "syntax_deep"),
)


@dataclass(frozen=True, kw_only=True)
class MixedConfig:
    attacks: bool = field(default=True, metadata={"help": "put attacks among the honest"})


class Mixed(Generator[MixedConfig]):
    """Small fractals, with an attack after each where the config says so."""

    name = "mixed"
    about = "fractals and attacks"
    Config = MixedConfig

    def __init__(self, config: MixedConfig, seed: int) -> None:
        super().__init__(config, seed)
        small = FractalGenerator.Config(
            depths=(1, 2), columns=(1, 2), widths=(4,), max_multiplications=1_000_000
        )
        honest = FractalGenerator(small, seed).ask(len(ATTACKS))
        self.queue: list[Candidate] = []
        for candidate, name in zip(honest, ATTACKS, strict=True):
            self.queue.append(candidate)
            if config.attacks:
                source = (FOLDER / f"{name}.py").read_text()
                self.queue.append(Candidate(source=source, generator="hostile", name=name))
        self.given = 0

    def ask(self, limit: int) -> Sequence[Candidate]:
        batch = self.queue[self.given : self.given + limit]
        self.given += len(batch)
        return batch

    def state(self):
        return {"given": self.given}

    def load_state(self, state):
        self.given = state["given"]


def _grow(path, attacks):
    plan = Plan.of(Protocol(dataset="digits"))
    with Corpus.open(path, create=True) as corpus, LocalEngine(LIMITS, workers=2) as engine:
        generator = Mixed(MixedConfig(attacks=attacks), 0)
        run = start_run(corpus, generator, plan, LIMITS, Settings(total=2 * len(ATTACKS)))
        grow(corpus, run, Mixed(generator.config, 0), plan, engine)
        outcomes = corpus.outcomes(run).values()
    return {outcome.name: outcome for outcome in outcomes}


@pytest.mark.long
def test_attacks_among_honest_candidates(tmp_path):
    alone = _grow(tmp_path / "alone.db", attacks=False)
    among = _grow(tmp_path / "among.db", attacks=True)
    for name, outcome in alone.items():
        assert among[name].verdict == outcome.verdict == "ok"
        assert among[name].score == outcome.score
    for name in ATTACKS:
        text = (FOLDER / f"{name}.py").read_text()
        expected = re.match(r"# expect: (.+?)  when", text)[1].split(", ")
        assert among[name].verdict.value in expected, (name, among[name].reason)
