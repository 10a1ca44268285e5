"""What generated mixtures compute: equation 5, sparse cost, gradients; in the sandbox, too."""

import pytest
import torch
from driving import screen_for, train
from torch.utils.flop_counter import FlopCounterMode

from lemur2.architecture import Architecture, Verdict, zoo_source
from lemur2.evaluation import Protocol
from lemur2.evaluation.plan import Plan
from lemur2.generators.experts import Blueprint, Part, compose
from lemur2.generators.experts.builtin import builtin_source
from lemur2.statistics.routing import routing

SHAPE = (6, 1, 28, 28)
PRM = {"lr": 0.01, "momentum": 0.9, "dropout": 0.2, "batch": 6, "transform": "norm", "epoch": 1}
IN_PLACE = """
import torch
from torch import nn


def supported_hyperparameters():
    return {"lr"}


class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.head = nn.Linear(in_shape[1] * in_shape[2] * in_shape[3], out_shape[0])

    def train_setup(self, prm):
        pass

    def learn(self, train_data):
        pass

    def forward(self, x):
        return self.head(x.mul_(0).add_(1).flatten(1))
"""


def build(source):
    space = {"__name__": "mixture"}
    exec(compile(source, "mixture", "exec"), space)
    torch.manual_seed(0)
    net = space["Net"](SHAPE, (10,), PRM, torch.device("cpu"))
    net.train_setup(PRM)
    return net


def heterogeneous(**sources):
    parts = {name: Part(source) for name, source in sources.items()}
    return compose(Blueprint(experts=tuple(sources)), parts, {"lr", "dropout"})


def homogeneous(number, top, **choices):
    fields = {"gate": "feedforward", "noise": 0.1, "recipe": "sgd", **choices}
    blueprint = Blueprint(experts=("ConvNet8",), copies=number, top=top, **fields)
    return compose(blueprint, {"ConvNet8": Part(builtin_source("ConvNet8"))}, {"dropout"})


def test_a_mixture_of_networks_is_equation_5_even_where_one_changes_its_input():
    source = heterogeneous(
        Eraser=IN_PLACE, LeNet=zoo_source("LeNet"), ResNet20=zoo_source("ResNet20")
    )
    net, images = build(source).eval(), torch.randn(SHAPE)
    with torch.no_grad():
        gate = net.gate(images).exp()
        weights = gate / gate.sum(dim=1, keepdim=True)
        expected = sum(weights[:, [i]] * net.experts[i](images.clone()) for i in range(3))
        torch.testing.assert_close(net(images), expected)
    assert [type(expert).__name__ for expert in net.experts] == ["Eraser", "LeNet", "ResNet20"]


def test_an_expert_computes_what_its_own_file_does():
    alone = {}
    exec(compile(zoo_source("ResNet20"), "alone", "exec"), alone)
    torch.manual_seed(1)
    original = alone["Net"](SHAPE, (10,), PRM, torch.device("cpu")).eval()
    net = build(heterogeneous(LeNet=zoo_source("LeNet"), ResNet20=zoo_source("ResNet20"))).eval()
    net.experts[1].load_state_dict(original.state_dict())
    images = torch.randn(SHAPE)
    with torch.no_grad():
        assert torch.equal(net.experts[1](images), original(images))


@pytest.mark.parametrize(("number", "top"), [(4, 1), (4, 2), (8, 2), (8, 3)])
def test_cost_is_that_of_k_experts(number, top):
    net, images = build(homogeneous(number, top)).eval(), torch.randn(SHAPE)

    def flops(module):
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            module(images)
        return counter.get_total_flops()

    assert flops(net) == flops(net.gate) + top * flops(net.experts[0])


@pytest.mark.parametrize("gate", ["feedforward", "improved"])
@pytest.mark.parametrize("top", [1, 2])
def test_the_task_teaches_the_gate(gate, top):
    """Also for k = 1, where weights that are divided by their sum would pass nothing on."""
    net = build(homogeneous(4, top, gate=gate))
    loss = torch.nn.functional.cross_entropy(net(torch.randn(SHAPE)), torch.arange(6))
    loss.backward()
    assert any(bool(p.grad.any()) for p in net.gate.parameters() if p.grad is not None)


def test_the_balance_loss_teaches_the_gate_to_be_even():
    """Its value is the counts'; its gradient lowers the share of an expert that all choose."""
    net = build(homogeneous(4, 2, balance=0.1))
    logits = torch.tensor([[1.0, 0.5, 0.0, 0.0]]).repeat(6, 1).requires_grad_()
    probabilities = logits.softmax(dim=1)
    loss = net.balance(probabilities, probabilities.topk(2, dim=1).indices)
    assert loss.item() == pytest.approx(4 * (2 * 0.25**2 + 2 * 0.25**2))
    loss.backward()
    assert (logits.grad[:, :2] > 0).all()
    assert (logits.grad[:, 2:] < 0).all()


@pytest.mark.parametrize(
    "source",
    [
        homogeneous(4, 2, gate="improved", balance=0.1, diversity=0.01),
        heterogeneous(LeNet=zoo_source("LeNet"), Other=IN_PLACE.replace(".mul_(0).add_(1)", "")),
    ],
    ids=["homogeneous", "heterogeneous"],
)
def test_mixtures_are_screened_trained_and_tell_their_routing(engine, source):
    plan = Plan.of(Protocol(dataset="digits", epochs=1, transform="norm_32"))
    Architecture.parse(source)
    facts = screen_for(engine, source, plan)
    assert facts.flops
    trial = train(engine, source, plan)
    assert trial.verdict is Verdict.OK, trial.reason
    found = routing(trial.epochs[0].diagnostics)
    assert found.by_class.shape == (2 if "LeNet" in source else 4, 10)
    assert found.load.sum() == pytest.approx(1)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("gate", ["feedforward", "improved"])
def test_a_traced_mixture_routes_each_input_by_itself(gate):
    net, shape = build(homogeneous(8, 2, gate=gate)).eval(), (1, *SHAPE[1:])
    traced = torch.jit.trace(net, torch.randn(shape), check_trace=False)
    for _ in range(16):
        images = torch.randn(shape)
        with torch.no_grad(), torch.jit.optimized_execution(False):
            torch.testing.assert_close(traced(images), net(images), rtol=1e-4, atol=1e-5)
