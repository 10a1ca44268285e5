"""A training: what it depends on, what ends it, and what it never tells."""

import shutil
import time
from dataclasses import replace

import numpy as np
import pytest
from driving import hasty, screen_for, train
from nets import LEARN, net

from lemur2.architecture import Verdict, zoo_source
from lemur2.datasets import open_prepared
from lemur2.datasets.base import targets_path
from lemur2.errors import UsageError
from lemur2.evaluation import Protocol
from lemur2.evaluation.plan import Plan
from lemur2.generators.fractal import FractalConfig, FractalGenerator

LENET = zoo_source("LeNet")


@pytest.fixture(scope="module")
def plan():
    return Plan.of(Protocol(dataset="digits", seed=3))


def scores(result):
    assert result.verdict is Verdict.OK, result.reason
    return [(epoch.score, epoch.loss) for epoch in result.epochs]


def test_the_seed_decides(engine, plan):
    once = train(engine, LENET, plan)
    again = train(engine, LENET, plan)
    other_plan = replace(plan, protocol=plan.protocol.with_(seed=4))
    other = train(engine, LENET, other_plan)
    assert scores(once) == scores(again)
    assert scores(once) != scores(other)


def test_the_test_part_is_scored_on_request_only(engine, plan):
    source = net(learn=LEARN)
    assert train(engine, source, plan).test_score is None
    tested = train(engine, source, plan, test=True)
    assert 0 <= tested.test_score <= 1


def test_each_part_is_scored_by_its_own_targets(engine, plan, tmp_path):
    """One class of everything is what the test part of this copy has, and no other part."""
    shutil.copytree(plan.data.folder, tmp_path / "data")
    targets = np.full_like(plan.data.targets("test"), 3)
    np.save(targets_path(tmp_path / "data", "test"), targets)
    described = tmp_path / "data" / "spec.json"
    described.write_text(described.read_text().replace(plan.spec.digest, "another"))
    copy = replace(plan, spec=open_prepared(tmp_path / "data").spec)
    constant = "with torch.no_grad(): self.head.weight.zero_(); self.head.bias[3] += 1e3"
    result = train(engine, net(learn=constant), copy, test=True)
    assert result.test_score == 1
    assert result.score == pytest.approx((plan.data.targets("validation") == 3).mean())
    assert result.score < 0.2


ORDERED = (
    net(
        build="self.seen = []",
        learn="self.seen = [int(each) for _, labels in train_data for each in labels]",
    )
    + """
    def diagnostics(self):
        return {"seen": self.seen}
"""
)


def test_the_order_is_another_in_every_epoch_and_with_every_seed(engine, plan):
    def orders(seed):
        longer = replace(plan, protocol=plan.protocol.with_(epochs=2, seed=seed))
        result = train(engine, ORDERED, longer)
        return [epoch.diagnostics["seen"] for epoch in result.epochs]

    first, second = orders(3)
    assert first != second
    assert sorted(first) == sorted(second) == sorted(plan.data.targets("train").tolist())
    assert orders(3) == [first, second]
    assert not {tuple(order) for order in orders(4)} & {tuple(first), tuple(second)}


def test_the_seed_decides_the_weights(engine, plan):
    """Where nothing is learned, the losses are those of the first weights."""
    losses = [
        train(engine, net(learn="pass"), replace(plan, protocol=plan.protocol.with_(seed=seed)))
        .epochs[0]
        .loss
        for seed in (3, 4, 3)
    ]
    assert losses[0] == losses[2] != losses[1]


def test_hyperparameters_are_what_the_network_was_built_with(engine, plan):
    heard = []
    result = train(engine, net(), plan, on_built=heard.append)
    expected = {"lr": 0.01, "batch": 64, "transform": plan.transform, "epoch": 1}
    assert result.hyperparameters == heard[0] == expected


def test_checkpointing_is_offered_to_the_network_and_changes_no_result(engine, plan):
    config = FractalConfig(depths=(2,), columns=(2,), widths=(8,), with_checkpointing=True)
    # Batch normalisation updates its running statistics once more when a block is recomputed.
    asked = FractalGenerator(config, 0).ask(60)
    candidate = next(c for c in asked if "normalization" not in c.parameters["layers"])
    plain = train(engine, candidate.source, plan)
    saving = replace(plan, protocol=plan.protocol.with_(checkpointing=True))
    saved = train(engine, candidate.source, saving)
    assert saved.hyperparameters["checkpointing"] is True
    assert "checkpointing" not in plain.hyperparameters
    assert scores(saved) == scores(plain)


def test_whoever_listens_can_end_it(engine, plan):
    longer = replace(plan, protocol=plan.protocol.with_(epochs=5))
    result = train(engine, net(), longer, on_epoch=lambda epoch: epoch.epoch < 2)
    assert [epoch.epoch for epoch in result.epochs] == [1, 2]


NAN = "with torch.no_grad(): self.head.weight.fill_(float('nan'))"
FAILING = {
    "weights become NaN": (net(learn=NAN), "diverged"),
    "a weight that has no part in predictions becomes infinite": (
        net(
            build="self.spare = nn.Parameter(torch.zeros(3))",
            learn="with torch.no_grad(): self.spare[1] = float('inf')",
        ),
        "diverged",
    ),
    "predictions are NaN": (
        net(forward="x = self.head(x.flatten(1)); return x if self.training else x / 0"),
        "diverged",
    ),
    "learn raises": (net(learn="raise ValueError('no')"), "train"),
    "too much memory": (net(learn="torch.zeros(1 << 33)"), "memory"),
    "MemoryError": (net(learn="raise MemoryError"), "memory"),
    "dies": (net(top="import os", learn="os._exit(0)"), "crash"),
}


@pytest.mark.parametrize("case", FAILING)
def test_failure_is_a_verdict_and_no_score(engine, plan, case):
    source, verdict = FAILING[case]
    result = train(engine, source, plan)
    assert result.verdict == verdict, result.reason
    assert result.reason
    assert result.score is None


def test_out_of_time_keeps_the_epochs_that_were_finished(engine, plan):
    stuck = "self.calls = getattr(self, 'calls', 0) + 1\n        while self.calls > 1: pass"
    longer = replace(plan, protocol=plan.protocol.with_(epochs=3))
    result = train(hasty(engine, train_seconds=6), net(learn=stuck), longer)
    assert result.verdict is Verdict.TIMEOUT
    assert [epoch.epoch for epoch in result.epochs] == [1]


FORGE = "import gc; [o.send({}) for o in gc.get_objects() if type(o).__name__ == 'Channel']; 1 / 0"
FORGED = {
    "no hyperparameters": ("build", "{}"),
    "hyperparameters that are none": ("build", "{'prm': 3}"),
    "hyperparameters out of range": ("build", "{'prm': {'lr': 10 ** 400}}"),
    "names that are none": ("build", "{'prm': {'\\x1b[2J': 1}}"),
    "an epoch without figures": ("learn", "{}"),
    "memory that is none": ("learn", "{'memory': 'x'}"),
    "memory without end": ("learn", "{'memory': float('inf')}"),
    "more memory than a database can say": ("learn", "{'memory': 10 ** 40}"),
    "a verdict that there is not": ("learn", "{'refused': {'verdict': 'splendid'}}"),
    "a refusal that is none": ("learn", "{'refused': {'verdict': 'ok', 'reason': 'x'}}"),
    "a twin": ("learn", "{'refused': {'verdict': 'duplicate', 'reason': 'x'}}"),
    "the parent's clock": ("learn", "{'refused': {'verdict': 'timeout', 'reason': 'x'}}"),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_report_is_a_verdict(engine, plan, case):
    where, message = FORGED[case]
    source = net(**{where: FORGE.replace("{}", message)})
    result = train(engine, source, plan)
    assert result.verdict is Verdict.FORBIDDEN, result.reason
    assert result.score is None


def test_the_end_of_the_output_is_in_the_reason_of_a_crash(engine, plan):
    source = net(top="import os", learn="print('\\x1b[2Jout of ideas', flush=True); os._exit(3)")
    result = train(engine, source, plan)
    assert result.verdict is Verdict.CRASH
    assert "exit code 3" in result.reason
    assert result.reason.endswith("\\x1b[2Jout of ideas")


CLOCKS = """
        for clock in ("perf_counter", "monotonic", "time", "process_time", "perf_counter_ns"):
            setattr(time, clock, lambda: {})
"""


@pytest.mark.parametrize("lie", ["0", "9e9"])
def test_time_is_the_parents(engine, plan, lie):
    source = net(top="import time", learn="time.sleep(0.3)" + CLOCKS.replace("{}", lie) + LEARN)
    started = time.monotonic()
    result = train(engine, source, plan)
    assert result.verdict is Verdict.OK, result.reason
    assert 0.3 <= result.epochs[0].seconds <= time.monotonic() - started
    started = time.monotonic()
    facts = screen_for(engine, net(top="import time", build=CLOCKS.replace("{}", lie)), plan)
    assert 0 < facts.seconds <= time.monotonic() - started


def test_what_the_parent_does_meanwhile_is_not_the_networks_time(engine, plan):
    longer = replace(plan, protocol=plan.protocol.with_(epochs=2))

    def slow(*_):
        time.sleep(1.5)
        return True

    result = train(engine, net(learn="pass"), longer, on_built=slow, on_epoch=slow)
    assert max(epoch.seconds for epoch in result.epochs) < 1.5


def test_names_that_only_running_tells_are_refused(engine, plan):
    for names in ("{chr(27) + '[2J'}", "{chr(0xD800)}", "{f'a{n}' for n in range(300_000)}"):
        result = train(engine, net(declared=names), plan)
        assert result.verdict is Verdict.CONTRACT, result.reason
        assert result.reason.isprintable()


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"seed": -1},
        {"metric": "ppl"},
        {"metric": "nonsense"},
        {"transform": "nonsense"},
        {"hyperparameters": {"lr": float("nan")}},
        {"hyperparameters": {"lr": "fast"}},
        {"hyperparameters": {"batch": 0}},
        {"hyperparameters": {"batch": 2.5}},
    ],
)
def test_a_wrong_protocol_is_refused_before_anything_runs(wrong):
    with pytest.raises(UsageError):
        Plan.of(Protocol(dataset="digits").with_(**wrong))


def test_what_is_printed_is_kept_head_and_tail_and_heard(engine, plan):
    printing = """
        print("the first line")
        for number in range(20_000):
            print("line", number)
        print("the last line", "\\x1b[2J")
"""
    heard = []
    result = train(engine, net(learn=printing), plan, on_output=heard.append)
    assert result.verdict is Verdict.OK
    assert result.reason == "printed more than 64 KiB: the middle of it was dropped"
    assert result.output.startswith("the first line\nline 0\n")
    assert result.output.endswith("the last line \x1b[2J\n")
    assert "bytes dropped" in result.output
    assert len(result.output) < 70_000
    assert "".join(heard) == result.output


def test_little_output_is_kept_whole(engine, plan):
    result = train(engine, net(learn='print("so", "much")'), plan)
    assert (result.output, result.reason) == ("so much\n", "")
