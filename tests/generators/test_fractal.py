"""FractalNet: the space, how it is sampled, and the networks that come out."""

import math
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lemur2.architecture import Architecture, canonical_digest
from lemur2.errors import UsageError
from lemur2.generators.fractal import Blueprint, FractalConfig, FractalGenerator, write_source
from lemur2.generators.fractal.permutation import permuted
from lemur2.generators.fractal.space import FractalSpace, unit_orders

PRM = {"lr": 0.05, "momentum": 0.9, "dropout": 0.2, "batch": 4}


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def blueprint(**changes) -> Blueprint:
    plain = {
        "depth": 2,
        "columns": 3,
        "layers": ("convolution", "normalization", "activation"),
        "activation": "ReLU",
        "pooling": "MaxPool2d",
        "width": 4,
        "growth": 2,
    }
    return Blueprint(**{**plain, **changes})


def of(candidate) -> Blueprint:
    return Blueprint(**{**candidate.parameters, "layers": tuple(candidate.parameters["layers"])})


def build(source: str, in_shape, classes=10, **prm):
    namespace = {}
    exec(compile(source, "net", "exec"), namespace)
    net = namespace["Net"](in_shape, (classes,), {**PRM, **prm}, torch.device("cpu"))
    net.train_setup({**PRM, **prm})
    return net


def asked(count: int, seed: int = 0, **config):
    return FractalGenerator(FractalConfig(**config), seed).ask(count)


# One candidate of each combination of depth and columns, small enough for one core.
STRATA = asked(36, seed=11, widths=(4, 6, 8), max_multiplications=60_000_000)


def test_the_orders_are_all_orders_of_a_convolution_and_any_of_three_others():
    orders = unit_orders()
    assert len(orders) == len(set(orders)) == 1 + 3 * 2 + 3 * 6 + 24


@given(st.integers(1, 1000), st.text(max_size=5))
def test_a_permutation_sends_every_number_to_another(size, key):
    assert sorted(permuted(i, size, key) for i in range(size)) == list(range(size))


def test_permutations_of_different_keys_differ():
    orders = {tuple(permuted(i, 50, f"key {key}") for i in range(50)) for key in range(20)}
    assert len(orders) == 20


def test_no_two_blueprints_give_the_same_network():
    space = FractalSpace(depths=(1, 2), columns=(1,), widths=(4, 8))
    sources = [
        write_source(space.blueprint(cell, index))
        for cell in space.cells
        for index in range(space.size(cell))
    ]
    assert len({canonical_digest(source) for source in sources}) == len(sources) == 804 + 1_608


def test_1200_candidates_are_1200_architectures_and_cover_the_space_evenly():
    candidates = asked(1_200)
    assert len({Architecture.parse(c.source).digest for c in candidates}) == 1_200
    cells = Counter((c.parameters["depth"], c.parameters["columns"]) for c in candidates)
    assert len(cells) == 36
    assert max(cells.values()) - min(cells.values()) <= 1
    orders = Counter(tuple(c.parameters["layers"]) for c in candidates)
    assert set(orders) == set(unit_orders())
    assert {c.parameters["activation"] for c in candidates} >= {"ReLU", "GELU", "SiLU", None}
    assert {c.parameters["width"] for c in candidates} == {8, 16, 24, 32, 48, 64}


def test_a_finished_combination_leaves_the_turn_to_the_others():
    candidates = asked(10_000, depths=(1, 3), columns=(1,), widths=(8,))
    depths = Counter(c.parameters["depth"] for c in candidates)
    assert depths == {1: 402, 3: 804}
    assert Counter(c.parameters["depth"] for c in candidates[:804]) == {1: 402, 3: 402}


def test_nothing_over_budget_is_proposed():
    budget = {"max_parameters": 200_000, "max_multiplications": 20_000_000}
    candidates = asked(200, **budget)
    assert max(of(c).parameters(3, 10) for c in candidates) <= 200_000
    assert max(of(c).multiplications(3, 32) for c in candidates) <= 20_000_000
    assert asked(1, depths=(1, 2), max_parameters=10) == []


@pytest.mark.parametrize("candidate", STRATA, ids=lambda c: str(of(c).depth) + str(of(c).columns))
def test_a_network_of_every_combination_runs(candidate):
    for in_shape, classes in (((2, 1, 28, 28), 7), ((2, 3, 32, 32), 10)):
        net = build(candidate.source, in_shape, classes)
        output = net(torch.randn(in_shape))
        assert output.shape == (2, classes)
        output.square().mean().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
        count = sum(p.numel() for p in net.parameters())
        assert count == of(candidate).parameters(in_shape[1], classes)


@pytest.mark.parametrize("in_shape", [(1, 1, 8, 8), (1, 3, 40, 30), (1, 2, 97, 129)])
def test_other_sizes_and_batches_of_one_image_train(in_shape):
    net = build(write_source(blueprint(depth=6, columns=2)), in_shape)
    net.learn([(torch.randn(in_shape), torch.tensor([3]))])
    assert net.eval()(torch.randn(in_shape)).shape == (1, 10)


def test_multiplications_are_those_of_the_convolutions():
    candidate = blueprint(depth=3, columns=3)
    net = build(write_source(candidate), (1, 3, 32, 32)).eval()
    seen = []

    def count(layer, inputs, output):
        seen.append(output[0].numel() * layer.in_channels * math.prod(layer.kernel_size))

    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(count)
    net(torch.randn(1, 3, 32, 32))
    assert sum(seen) == candidate.multiplications(3, 32)


@pytest.mark.parametrize(("columns", "expected"), [(1, 2), (2, 3), (3, 20 / 3)])
def test_the_expansion_rule(columns, expected):
    """Where a unit doubles, f_2 = mean(2, 2 * 2) = 3 and f_3 = mean(2, 3 * 2, 3 * 4)."""
    plain = blueprint(depth=1, columns=columns, layers=("convolution",), activation=None)
    block = build(write_source(plain), (1, 4, 8, 8)).features[0]
    for module in block.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.dirac_(module.weight).data.mul_(2)
            torch.nn.init.zeros_(module.bias)
    x = torch.randn(1, 4, 8, 8)
    assert torch.allclose(block(x), expected * x, atol=1e-5)


def test_layers_stand_in_the_order_of_the_blueprint():
    layers = ("dropout", "normalization", "convolution", "activation")
    net = build(write_source(blueprint(layers=layers, activation="GELU")), (2, 3, 32, 32))
    unit = [type(layer).__name__ for layer in net.features[0].unit]
    assert unit == ["Dropout", "BatchNorm2d", "Conv2d", "GELU"]


def test_dropout_is_declared_where_it_is_used():
    with_dropout = write_source(blueprint(layers=("convolution", "dropout"), activation=None))
    assert Architecture.parse(with_dropout).hyperparameters == {"lr", "momentum", "dropout"}
    without = write_source(blueprint())
    assert Architecture.parse(without).hyperparameters == {"lr", "momentum"}
    assert "dropout" not in without


def test_drop_path_drops_in_training_only_and_never_everything():
    wild = write_source(blueprint(depth=1, columns=2, drop_path=0.5, layers=("convolution",)))
    block = build(wild, (1, 1, 8, 8)).features[0]
    paths = [torch.full((4_000, 1, 1, 1), 1.0), torch.full((4_000, 1, 1, 1), 3.0)]
    shares = Counter(block.train().join(paths).flatten().tolist())
    assert set(shares) == {1.0, 2.0, 3.0}
    assert shares[2.0] / 4_000 == pytest.approx(0.25, abs=0.04)  # neither is dropped
    assert shares[1.0] / 4_000 == pytest.approx(0.375, abs=0.04)
    assert set(block.eval().join(paths).flatten().tolist()) == {2.0}


def test_drop_path_needs_a_join():
    one_column = asked(5, columns=(1,), drop_path=0.3)
    assert {c.parameters["drop_path"] for c in one_column} == {0.0}
    assert all("torch.rand" not in c.source for c in one_column)


def test_options_are_written_only_on_request():
    plain = write_source(blueprint())
    assert not any(word in plain for word in ("checkpoint", "rand"))
    more = write_source(blueprint(), checkpointing=True)
    assert "checkpoint(" in more
    assert Architecture.parse(more).warnings == ()


def test_a_signal_does_not_fade_on_a_path_without_normalization():
    layers = ("convolution", "activation")
    source = write_source(blueprint(depth=6, columns=1, layers=layers, width=16, growth=1))
    net = build(source, (32, 3, 32, 32))
    images = torch.nn.functional.interpolate(torch.randn(32, 3, 4, 4), (32, 32))
    features = net.features(images).mean(dim=(2, 3))
    assert features.std(dim=0).mean() > 0.02  # 0.001 under the default initialization


@pytest.mark.parametrize("drop_path", [0.0, 0.3])
def test_checkpointing_changes_no_gradient(drop_path):
    layers = ("convolution", "activation", "dropout")
    source = write_source(blueprint(layers=layers, drop_path=drop_path), checkpointing=True)
    gradients = []
    for checkpointing in (False, True):
        torch.manual_seed(1)
        net = build(source, (3, 3, 16, 16), checkpointing=checkpointing).train()
        net(torch.randn(3, 3, 16, 16)).square().sum().backward()
        gradients.append(torch.cat([p.grad.flatten() for p in net.parameters()]))
    assert torch.allclose(*gradients, rtol=1e-4, atol=1e-6)
    assert gradients[0].abs().sum() > 0


@pytest.mark.parametrize("options", [{}, {"checkpointing": True}])
def test_learning_lowers_the_loss(options):
    net = build(write_source(blueprint(width=8), **options), (8, 1, 16, 16), 2, **options)
    labels = torch.arange(32) % 2
    images = torch.randn(32, 1, 16, 16) + 2 * labels.view(-1, 1, 1, 1)
    batches = [(images[i : i + 8], labels[i : i + 8]) for i in range(0, 32, 8)]
    before = net.criterion(net(images), labels).item()
    for _ in range(5):
        net.learn(batches)
    assert net.criterion(net(images), labels).item() < 0.5 * before


def test_a_person_can_read_it():
    offering_more = asked(6, seed=2, drop_path=0.15, with_checkpointing=True)
    for candidate in [*STRATA, *offering_more]:
        lines = candidate.source.splitlines()
        assert len(lines) < 110
        assert max(map(len, lines)) <= 100
        depth, columns = candidate.parameters["depth"], candidate.parameters["columns"]
        assert f"depth {depth} (blocks), {columns} column" in lines[0]


@pytest.mark.parametrize(
    "bad",
    [
        {"depths": ()},
        {"columns": (0,)},
        {"widths": (8, 8)},
        {"drop_path": 1.0},
        {"max_parameters": 0},
    ],
)
def test_a_configuration_that_cannot_be_is_refused_in_one_line(bad):
    with pytest.raises(UsageError, match=next(iter(bad))) as caught:
        FractalConfig(**bad)
    assert "\n" not in str(caught.value)
