"""Text generation: shapes, and that looking ahead is caught at screening and at evaluation."""

import causal_nets as nets
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lemur2.architecture import Refusal, Verdict
from lemur2.tasks import TextGeneration

TASK = TextGeneration()
V = nets.VOCABULARY
S = 24


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


HONEST = [
    nets.Recurrent,
    lambda: nets.Recurrent(flat=True),
    nets.Attention,
    nets.Convolution,
    nets.AlwaysDropout,
    nets.MasksWithInfinity,
]
CHEATS = [
    lambda: nets.Recurrent(both_ways=True),
    lambda: nets.Attention(masked=False),
    lambda: nets.Convolution(ahead=1),
    lambda: nets.Convolution(ahead=2),
]


def text(rows, seed=0):
    return np.random.default_rng(seed).integers(0, V, (rows, S))


def scores_of(net, windows):
    with torch.no_grad():
        inputs = torch.from_numpy(windows)
        return TASK.predictions(net.eval()(inputs), inputs, (V,)).numpy()


def audit(net, seed=0, rows=100, batch=None, transport=np.float32):
    """An evaluation as the parent runs it: copies among the real windows, in random order."""
    rng = np.random.default_rng(seed)
    windows = text(rows, seed)
    copies = TASK.audits(windows, rng)
    mixed = np.concatenate([windows, copies])
    order = rng.permutation(len(mixed))
    outputs = np.empty((len(mixed), S, V), dtype=np.float32)
    for part in np.array_split(order, batch or 4):
        outputs[part] = scores_of(net, mixed[part]).astype(transport)
    TASK.check_audits(windows, outputs[:rows], copies, outputs[rows:])


class TestShapes:
    @pytest.mark.parametrize("wrap", [lambda x: x, lambda x: x.reshape(-1, V), lambda x: (x, None)])
    def test_both_layouts_and_tuples_give_the_same(self, wrap):
        scores = torch.randn(2, S, V)
        inputs = torch.zeros(2, S, dtype=torch.long)
        assert torch.equal(TASK.predictions(wrap(scores), inputs, (V,)), scores)

    @pytest.mark.parametrize("shape", [(2, V, S), (2, V), (2, S, V - 1), (2 * S * V,)])
    def test_others_are_refused_as_shape(self, shape):
        inputs = torch.zeros(2, S, dtype=torch.long)
        with pytest.raises(Refusal, match=rf"\(2, {S}, {V}\)") as refused:
            TASK.predictions(torch.zeros(shape), inputs, (V,))
        assert refused.value.verdict is Verdict.SHAPE

    def test_uniform_scores_cost_the_entropy_of_the_vocabulary(self):
        inputs, targets = TASK.example((S,), (V,), 2, seed=0)
        loss = TASK.loss(torch.zeros(2, S, V), inputs, targets, (V,))
        assert loss.item() == pytest.approx(np.log(V), rel=1e-5)

    def test_example_targets_are_the_next_inputs(self):
        inputs, targets = TASK.example((S,), (V,), 2, seed=0)
        assert torch.equal(inputs[:, 1:], targets[:, :-1])


class TestCheck:
    @pytest.mark.parametrize("make", HONEST)
    def test_lets_causal_networks_pass(self, make):
        TASK.check(make(), (S,), (V,))

    @pytest.mark.parametrize("make", CHEATS)
    def test_refuses_networks_that_look_ahead(self, make):
        with pytest.raises(Refusal, match="later characters") as refused:
            TASK.check(make(), (S,), (V,))
        assert refused.value.verdict is Verdict.CONTRACT

    def test_refuses_networks_that_carry_state(self):
        with pytest.raises(Refusal, match="from call to call") as refused:
            TASK.check(nets.CarriesState(), (S,), (V,))
        assert refused.value.verdict is Verdict.CONTRACT

    @pytest.mark.parametrize("training", [True, False])
    def test_leaves_the_network_and_the_random_state_as_they_were(self, training):
        net = nets.Attention().train(training)
        before = torch.get_rng_state()
        TASK.check(net, (S,), (V,))
        assert net.training is training
        assert torch.equal(before, torch.get_rng_state())

    def test_restores_the_mode_when_it_refuses(self):
        net = nets.Attention(masked=False).train()
        with pytest.raises(Refusal):
            TASK.check(net, (S,), (V,))
        assert net.training

    @settings(max_examples=12, deadline=None)
    @given(length=st.integers(2, 40), vocabulary=st.integers(2, V))
    def test_works_at_any_length_and_vocabulary(self, length, vocabulary):
        class Head(nets.Recurrent):
            def forward(self, x):
                return super().forward(x)[..., :vocabulary]

        TASK.check(Head(), (length,), (vocabulary,))
        with pytest.raises(Refusal):
            TASK.check(Head(both_ways=True), (length,), (vocabulary,))


class TestAudits:
    @settings(max_examples=30, deadline=None)
    @given(rows=st.integers(2, 40), seed=st.integers(0, 1000))
    def test_copies_keep_a_prefix_and_take_the_rest_from_another_window(self, rows, seed):
        windows = text(rows, seed)
        copies = TASK.audits(windows, np.random.default_rng(seed))
        for row, (window, copy) in enumerate(zip(windows, copies, strict=True)):
            cut = int(np.argmax(window != copy)) if (window != copy).any() else S
            assert cut >= 1
            donors = [other for other in range(rows) if other != row]
            assert any(np.array_equal(copy[cut:], windows[other][cut:]) for other in donors)

    def test_cuts_fall_everywhere(self):
        windows = text(3000)
        copies = TASK.audits(windows, np.random.default_rng(0))
        cuts = np.argmax(windows != copies, axis=1)
        assert set(range(1, S)) <= set(cuts.tolist())

    @pytest.mark.parametrize("make", [make for make in HONEST if make is not nets.AlwaysDropout])
    @pytest.mark.parametrize("transport", [np.float32, np.float16])
    def test_let_causal_networks_pass(self, make, transport):
        audit(make(), transport=transport)

    def test_let_networks_pass_that_compute_in_bfloat16(self):
        class Mixed(nets.Attention):
            def forward(self, x):
                with torch.autocast("cpu", torch.bfloat16):
                    return super().forward(x)

        for batch in (1, 3, 7):
            audit(Mixed(), batch=batch)

    @pytest.mark.parametrize("make", CHEATS)
    def test_catch_networks_that_look_ahead(self, make):
        with pytest.raises(Refusal, match="later characters") as refused:
            audit(make())
        assert refused.value.verdict is Verdict.CONTRACT

    @pytest.mark.parametrize("cheat", [nets.OpensLater, nets.HidesTheHint, nets.HintsBelowTheNoise])
    @pytest.mark.parametrize("share", [1.0, 0.2])
    @pytest.mark.parametrize("gate", [0.5, 20.0])
    def test_catch_what_screening_could_not_see(self, cheat, share, gate):
        net = cheat(share)
        TASK.check(net, (S,), (V,))
        audit(net)
        net.gate.data.fill_(gate)
        with pytest.raises(Refusal):
            audit(net)

    @pytest.mark.parametrize("seed", range(5))
    def test_catch_a_network_that_remembers_windows_to_answer_copies_alike(self, seed):
        net = nets.Remembers()
        with pytest.raises(Refusal, match="only the later part"):
            audit(net, seed=seed)

    def test_let_a_network_pass_that_predicts_well(self):
        """One that knows the rule of the text is no cheat, and one window more or less is luck."""
        for seed in range(20):
            rng = np.random.default_rng(seed)
            windows = (rng.integers(0, V, (60, 1)) + np.arange(S)) % V
            copies = TASK.audits(windows, rng)
            outputs, others = (12.0 * np.eye(V)[(text + 1) % V] for text in (windows, copies))
            TASK.check_audits(windows, outputs, copies, others)

    @settings(max_examples=25, deadline=None)
    @given(cut=st.integers(1, S - 1), row=st.integers(0, 9))
    def test_only_predictions_before_the_cut_must_agree(self, cut, row):
        windows = text(10)
        copies = windows.copy()
        copies[:, cut:] = (copies[:, cut:] + 1) % V
        outputs = np.random.default_rng(1).normal(size=(10, S, V)).astype(np.float32)
        others = outputs.copy()
        others[:, cut:] += np.random.default_rng(2).normal(size=(10, S - cut, V))
        TASK.check_audits(windows, outputs, copies, others)
        others[row, cut - 1, windows[row, cut]] += 1.0
        with pytest.raises(Refusal, match="1 of 10 windows"):
            TASK.check_audits(windows, outputs, copies, others)


def test_batches_are_integers_and_keep_their_targets():
    rows = np.arange(10 * (S + 1)).reshape(10, S + 1)
    epoch = TASK.train_batches(rows[:, :-1], rows[:, 1:], None, 4, seed=0)
    for inputs, targets in epoch:
        assert inputs.dtype == targets.dtype == torch.int64
        assert torch.equal(inputs + 1, targets)
