"""The zoo's mixtures of experts: routing, losses, cost and training are what section 4 says."""

import io

import numpy as np
import pytest
import torch
from test_zoo import MIXTURES, SPARSE, build
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

IMAGES = (8, 3, 32, 32)
BALANCED = sorted(SPARSE)
DIVERSE = ["MoEv9-AlexNet", "MoEv9-AlexNetv3"]


def calls(net, images):
    """How many images each expert is given for a batch."""
    seen = [0] * len(net.experts)
    hooks = [
        expert.register_forward_pre_hook(lambda _, given, i=i: seen.__setitem__(i, len(given[0])))
        for i, expert in enumerate(net.experts)
    ]
    with torch.no_grad():
        net(images)
    for hook in hooks:
        hook.remove()
    return seen


def flops(net, images):
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(images)
    return counter.get_total_flops()


@pytest.mark.parametrize("name", sorted(MIXTURES))
def test_every_image_is_seen_by_as_many_experts_as_the_file_says(name):
    experts, top = MIXTURES[name]
    net = build(name, IMAGES, 10).eval()
    assert len(net.experts) == experts
    assert sum(calls(net, torch.randn(IMAGES))) == top * IMAGES[0]


@pytest.mark.parametrize("name", ["MoEv7", "MoEv9-AlexNetv3"])
def test_cost_falls_with_k_over_n(name):
    experts, top = MIXTURES[name]
    net, images = build(name, IMAGES, 10).eval(), torch.randn(IMAGES)
    sparse = flops(net, images)
    gate = flops(net.gate, images)
    net.top = experts
    whole = flops(net, images)
    assert (sparse - gate) * experts == (whole - gate) * top
    assert sparse < whole * (top / experts + 0.01)


@pytest.mark.parametrize("name", BALANCED)
def test_scores_are_the_chosen_experts_scores_by_their_weights(name):
    net, images = build(name, IMAGES, 10).eval(), torch.randn(IMAGES)
    with torch.no_grad():
        probabilities = net.gate(images).softmax(dim=1)
        opinions = torch.stack([expert(images) for expert in net.experts], dim=1)
        best, chosen = probabilities.topk(2, dim=1)
        weights = best / best.sum(dim=1, keepdim=True)
        if name == "MoE-0707":
            weights = torch.full_like(best, 0.5)
        elif name == "MoEv6":
            weights = 2 * weights
        expected = sum(
            weights[:, [place]] * opinions[torch.arange(len(images)), chosen[:, place]]
            for place in range(2)
        )
        torch.testing.assert_close(net(images), expected, rtol=1e-3, atol=1e-5)


def test_soft_routing_is_equation_5():
    net = build("MoE-hetero4-Alex-Dense-Air-Bag", IMAGES, 10).eval()
    images = torch.randn(IMAGES)
    with torch.no_grad():
        gate = net.gate(images).exp()
        weights = gate / gate.sum(dim=1, keepdim=True)
        expected = sum(weights[:, [i]] * net.experts[i](images) for i in range(4))
        torch.testing.assert_close(net(images), expected)
    names = [type(expert).__name__ for expert in net.experts]
    assert names == ["AlexNet", "DenseNet", "AirNet", "BagNet"]


def biased(name):
    """A mixture whose gate prefers its first two experts, in training without noise."""
    net = build(name, IMAGES, 10)
    last = [layer for layer in net.gate.modules() if isinstance(layer, nn.Linear)][-1]
    with torch.no_grad():
        last.weight.mul_(0.1)
        last.bias.copy_(torch.tensor([2.0, 1.5] + [0.0] * (len(net.experts) - 2)))
    net.train()
    if hasattr(net, "noise"):
        net.noise = 0.0
    else:
        net.gate.noise.requires_grad_(False).zero_()
    return net


def descend(net, images, loss, steps, rate=0.5):
    """Follow one loss with the gate's parameters alone; the mean probabilities after each step."""
    optimizer = torch.optim.SGD([p for p in net.gate.parameters() if p.requires_grad], lr=rate)
    means = []
    for step in range(steps + 1):
        _, probabilities, chosen, weights, opinions = net.mix(images)
        means.append(probabilities.mean(dim=0).detach())
        value = loss(net, probabilities, chosen, weights, opinions)
        optimizer.zero_grad()
        value.backward()
        if step == 0:
            reached = [p.grad is not None and bool(p.grad.any()) for p in net.gate.parameters()]
            assert any(reached), "no gradient reaches the gate"
        optimizer.step()
    return means


def entropy(shares):
    return -(shares * shares.clamp_min(1e-9).log()).sum().item()


@pytest.mark.parametrize("name", ["MoE-0707", "MoEv7", "MoEv9-AlexNetv3"])
def test_the_balance_loss_moves_routing_toward_uniform(name):
    net, images = biased(name), torch.randn(IMAGES)
    means = descend(net, images, lambda n, p, c, w, o: n.balance(p, c), 12, rate=0.02)
    assert entropy(means[-1]) > entropy(means[0]) + 0.02


@pytest.mark.parametrize("name", BALANCED)
def test_the_balance_loss_is_zero_for_equal_counts_alone(name):
    net = build(name, IMAGES, 10)
    experts = len(net.experts)
    even = torch.arange(2 * experts).reshape(experts, 2) % experts
    probabilities = torch.full((experts, experts), 1 / experts)
    assert net.balance(probabilities, even).item() == pytest.approx(0, abs=1e-6)
    collapsed = torch.tensor([[0, 1]] * experts)
    assert net.balance(probabilities, collapsed).item() == pytest.approx(experts / 2 - 1)


@pytest.mark.parametrize("name", DIVERSE)
def test_the_diversity_loss_reaches_gate_and_experts(name):
    net, images = biased(name), torch.randn(IMAGES)
    *_, weights, opinions = net.mix(images)
    net.diversity(weights, opinions).backward()
    assert any(p.grad is not None and bool(p.grad.any()) for p in net.gate.parameters())
    ran = [e for e in net.experts if any(p.grad is not None for p in e.parameters())]
    assert len(ran) >= 2


def test_the_diversity_loss_evens_the_weights_out():
    """Of experts that do not agree: their weights come closer to each other."""
    net, images = biased("MoEv9-AlexNetv3"), torch.randn(IMAGES)
    means = descend(net, images, lambda n, p, c, w, o: n.diversity(w, o.detach()), 8)
    assert entropy(means[-1]) > entropy(means[0])


def test_the_diversity_loss_is_the_mean_correlation():
    net = build("MoEv9-AlexNetv3", IMAGES, 10)
    opinions = torch.randn(5, 2, 10)
    weights = torch.rand(5, 2).softmax(dim=1)
    expected = 0.0
    for row in range(5):
        c = torch.corrcoef(opinions[row])
        expected += (weights[row] @ c @ weights[row]).item() / 5
    assert net.diversity(weights, opinions).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", ["MoEv2", "MoEv9-AlexNetv3", "MoE-hetero4-Alex-Dense-Air-Bag"])
def test_diagnostics_tell_what_each_class_gave_each_expert(name):
    net = build(name, IMAGES, 10)
    labels = torch.arange(8) % 3
    net.learn([(torch.randn(IMAGES), labels)])
    routing = torch.tensor(net.diagnostics()["routing"])
    assert routing.shape == (len(net.experts), 10)
    torch.testing.assert_close(
        routing.sum(dim=0), torch.bincount(labels, minlength=10).float(), rtol=1e-4, atol=1e-4
    )
    assert torch.tensor(net.diagnostics()["routing"]).sum() == 0


def test_noise_is_for_training_alone():
    for name in ("MoEv7", "MoEv9-AlexNetv3", "MoE-hetero4-Alex-Dense-Air-Bag"):
        net, images = build(name, IMAGES, 10).eval(), torch.randn(IMAGES)
        with torch.no_grad():
            assert torch.equal(net(images), net(images))
            for layer in net.modules():  # dropout and batch statistics stay out of it
                layer.training = layer in (net, net.gate)
            first, second = net.mix(images)[1], net.mix(images)[1]
        assert not torch.equal(first, second)


def test_gate_and_experts_have_rates_of_their_own():
    net = build("MoE-hetero4-Alex-Dense-Air-Bag", IMAGES, 10)
    gate, experts = net.optimizer.param_groups
    assert gate["lr"] == pytest.approx(10 * experts["lr"])
    factor = net.rate(100)
    rates = [factor(step) for step in range(101)]
    assert rates[0] < rates[5] < rates[10] == max(rates)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0)


class Preference(nn.Module):
    """A gate that sends image i to the experts that row i of a table names, the first most."""

    def __init__(self, table, experts):
        super().__init__()
        logits = torch.zeros(len(table), experts)
        for row, chosen in enumerate(table):
            logits[row, list(chosen)] = torch.tensor([2.0, 1.0])
        self.logits = nn.Parameter(logits)

    def forward(self, x):
        return self.logits


@pytest.mark.parametrize("name", [*sorted(n for n in SPARSE if "Alex" not in n)])
def test_experts_with_no_image_or_one_train_with_the_others(name):
    net = build(name, IMAGES, 10)
    net.gate = Preference([(0, 2)] * 7 + [(0, 1)], len(net.experts))
    net.noise = 0.0
    net.train()
    before = {key: value.clone() for key, value in net.experts[5].state_dict().items()}
    scores, probabilities, chosen, *_ = net.mix(torch.randn(IMAGES))
    (
        nn.functional.cross_entropy(scores, torch.arange(8)) + net.balance(probabilities, chosen)
    ).backward()
    assert torch.isfinite(scores).all()
    assert net.gate.logits.grad.abs().sum() > 0
    for index in (0, 1, 2):
        assert all(p.grad.abs().sum() > 0 for p in net.experts[index].parameters())
    for parameter in net.experts[5].parameters():
        assert parameter.grad is None or not parameter.grad.any()
    for key, value in net.experts[5].state_dict().items():
        assert key.endswith("num_batches_tracked") or torch.equal(value, before[key])


HOMOGENEOUS = ["MoE-0707", *(f"MoEv{version}" for version in range(2, 9))]
TRACED = [HOMOGENEOUS[0], *(pytest.param(n, marks=pytest.mark.slow) for n in HOMOGENEOUS[1:])]
SMALL = (1, 3, 16, 16)


def assert_routes_each_input(net, run):
    """What tracing one input gave is right on 16 others, which go many ways."""
    routes = set()
    for _ in range(16):
        image = torch.randn(SMALL)
        with torch.no_grad():
            scores, _, chosen, *_ = net.mix(image)
        routes.add(tuple(chosen[0].tolist()))
        np.testing.assert_allclose(run(image), scores.numpy(), rtol=1e-4, atol=1e-5)
    assert len(routes) > 2


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TRACED)
def test_a_traced_mixture_routes_each_input_by_itself(name):
    net = build(name, SMALL, 10).eval()
    traced = torch.jit.trace(net, torch.randn(SMALL), check_trace=False)
    with torch.jit.optimized_execution(False):  # as it was traced, at once
        assert_routes_each_input(net, lambda image: traced(image).detach().numpy())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TRACED)
def test_an_exported_mixture_routes_each_input_by_itself(name):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    net, file = build(name, SMALL, 10).eval(), io.BytesIO()
    torch.onnx.export(net, (torch.randn(SMALL),), file, opset_version=11, dynamo=False)
    session = runtime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0].name
    assert_routes_each_input(net, lambda image: session.run(None, {given: image.numpy()})[0])
