"""Every file of the zoo keeps the Net contract, has the published size, and trains.

A file is tested by being in the folder. What it is for, and how large it must be, stand in the
tables below; a file without an entry fails.
"""

import ast
import importlib.util
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import torch
import torchvision
from torch import nn

import lemur2
from lemur2.architecture.zoo import zoo_parameters

ZOO = Path(lemur2.__file__).parent / "zoo"
FILES = {path.stem: path for path in sorted(ZOO.glob("*/*.py"))}
NAMES = list(FILES)
IMAGE_NAMES = [name for name in NAMES if FILES[name].parent.name == "img-classification"]
TEXT_NAMES = [name for name in NAMES if FILES[name].parent.name == "txt-generation"]

CPU = torch.device("cpu")
VALUES = {"lr": 0.01, "momentum": 0.9, "dropout": 0.2}
ALWAYS = {"batch": 2, "transform": "norm", "epoch": 1}  # in every prm

# Mixtures of experts: how many, and how many of them see an image. More in test_mixtures.py.
MIXTURES: dict[str, tuple[int, int]] = {
    "MoE-0707": (8, 2),
    **{f"MoEv{version}": (8, 2) for version in range(2, 9)},
    **{f"MoEv9-AlexNet{version}": (8, 2) for version in ("", "v2", "v4")},
    "MoEv9-AlexNetv3": (4, 2),
    "MoE-hetero4-Alex-Dense-Air-Bag": (4, 4),
}
# Which experts see an image depends on the image, which meta tensors do not have.
SPARSE = {name for name, (experts, top) in MIXTURES.items() if top < experts}

# The torchvision model that a file must equal in its number of parameters.
TORCHVISION: dict[str, Callable[[], nn.Module]] = {
    "AlexNet": torchvision.models.alexnet,
    "ConvNeXtTiny": torchvision.models.convnext_tiny,
    "DenseNet121": torchvision.models.densenet121,
    "EfficientNetB0": torchvision.models.efficientnet_b0,
    "GoogLeNet": lambda: torchvision.models.googlenet(aux_logits=False, init_weights=False),
    "InceptionV3": lambda: torchvision.models.inception_v3(aux_logits=False, init_weights=False),
    "MNASNet": torchvision.models.mnasnet1_0,
    "MobileNetV2": torchvision.models.mobilenet_v2,
    "MobileNetV3": torchvision.models.mobilenet_v3_large,
    "RegNet": torchvision.models.regnet_y_400mf,
    "ResNeXt": torchvision.models.resnext50_32x4d,
    "ResNet18": torchvision.models.resnet18,
    "ResNet50": torchvision.models.resnet50,
    "ShuffleNetV2": torchvision.models.shufflenet_v2_x1_0,
    "SqueezeNet": torchvision.models.squeezenet1_0,
    "SwinTransformerTiny": torchvision.models.swin_t,
    "VGG11": torchvision.models.vgg11,
    "VGG16": torchvision.models.vgg16,
    "VisionTransformer": torchvision.models.vit_b_16,
}

# torchvision computes RegNet's widths and Swin's table of positions with tensors while building.
NOT_ON_META = {"RegNet", "SwinTransformerTiny"}

# Where torchvision has no such model: parameters by (channels, classes), and where from.
PUBLISHED: dict[str, tuple[tuple[int, int], int]] = {
    # AirNet-50 1x64d (r = 2) as listed in the pytorchcv model collection.
    "AirNet": ((3, 1000), 27_425_864),
    # AirNeXt-50 32x4d (r = 2) as listed in the pytorchcv model collection.
    "AirNeXt": ((3, 1000), 27_604_296),
    # BagNet-17 as listed in the pytorchcv model collection.
    "BagNet": ((3, 1000), 16_213_032),
    # LeNet-5 with a dense C3, the well-known figure: 156 + 2,416 + 48,120 + 10,164 + 850.
    "LeNet": ((1, 10), 61_706),
    # He et al. 2016, table 6, gives 0.27M; exactly: stem 464, stages 14,016 + 51,072 + 203,520
    # (twice 9 * C^2 weights and 4 * C of normalisation a block), classifier 650.
    "ResNet20": ((3, 10), 269_722),
    # The same with one block a stage: 464, 4,672 + 13,952 + 55,552, and 650.
    "ResNet8": ((3, 10), 75_290),
}


@cache
def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"zoo_{name}", FILES[name])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build(name: str, in_shape: tuple, outputs: int, device: torch.device = CPU) -> nn.Module:
    """The network, given only the hyperparameters that it declares."""
    module = load(name)
    prm = {key: VALUES[key] for key in module.supported_hyperparameters()} | ALWAYS
    torch.manual_seed(0)
    with device:
        net = module.Net(in_shape, (outputs,), prm, device)
        net.train_setup(prm)
    return net


def build_on_meta(name: str, channels: int, size: int, classes: int = 1000) -> nn.Module:
    return build(name, (2, channels, size, size), classes, torch.device("meta"))


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# -- every file ---------------------------------------------------------------------------------


def test_the_zoo_holds_what_it_promises():
    images = set(TORCHVISION) | set(PUBLISHED) | {"ComplexNet"} | set(MIXTURES)
    assert images | set(TEXT_NAMES) == set(NAMES)


@pytest.mark.parametrize("name", IMAGE_NAMES)
def test_its_number_of_parameters_is_listed(name):
    device = torch.device("cpu" if name in NOT_ON_META else "meta")
    assert zoo_parameters(name) == parameters(build(name, (2, 3, 64, 64), 10, device))


def test_numbers_of_parameters_are_of_the_zoo():
    listed = json.loads((ZOO / "parameters.json").read_text())
    assert list(listed) == sorted(IMAGE_NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_source_keeps_the_contract(name):
    tree = ast.parse(FILES[name].read_text())
    assert ast.get_docstring(tree), "says which paper it comes from"
    top = {
        node.name: node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)
    }
    methods = {
        node.name: [argument.arg for argument in node.args.args]
        for node in top["Net"].body
        if isinstance(node, ast.FunctionDef)
    }
    assert methods["__init__"] == ["self", "in_shape", "out_shape", "prm", "device"]
    assert methods["train_setup"] == ["self", "prm"]
    assert methods["learn"] == ["self", "train_data"]
    assert len(methods["forward"]) == 2
    (returned,) = top["supported_hyperparameters"].body
    assert ast.literal_eval(returned.value) == load(name).supported_hyperparameters()


@pytest.mark.parametrize("name", NAMES)
def test_source_imports_only_torch_and_the_standard_library(name):
    tree = ast.parse(FILES[name].read_text())
    roots = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            roots.add(node.module.split(".")[0])
    assert roots <= {"torch", "math"}


@pytest.mark.parametrize("name", NAMES)
def test_source_reads_the_hyperparameters_it_declares_and_no_others(name):
    tree = ast.parse(FILES[name].read_text())
    read = {
        node.slice.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id == "prm"
    }
    assert read - set(ALWAYS) == load(name).supported_hyperparameters()


# -- images -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in IMAGE_NAMES if name in TORCHVISION])
def test_size_equals_torchvisions(name):
    with torch.device("cpu" if name in NOT_ON_META else "meta"):
        expected = parameters(TORCHVISION[name]())
    size = 299 if name == "InceptionV3" else 224
    assert parameters(build_on_meta(name, 3, size)) == expected


@pytest.mark.parametrize("name", [name for name in IMAGE_NAMES if name in TORCHVISION])
def test_computation_equals_torchvisions(name):
    """With the same weights, the same scores: for images that need no smaller strides."""
    size = {"InceptionV3": 107, "VisionTransformer": 224, "SwinTransformerTiny": 224}.get(name, 96)
    with torch.device("cpu" if name in NOT_ON_META else "meta"):
        theirs = TORCHVISION[name]().eval()
    ours = build_on_meta(name, 3, size).eval()
    weights = random_weights(theirs)
    theirs.load_state_dict(weights, assign=True)
    ours.load_state_dict(translated(weights, ours), assign=True)
    images = torch.randn(1, 3, size, size)
    with torch.no_grad():
        expected, scores = theirs(images), ours(images)
    assert expected.std() > 0.01
    torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-4 * expected.std().item())


def random_weights(net: nn.Module) -> dict[str, torch.Tensor]:
    """A state for `net` that keeps the signal's scale and in which no two layers are alike."""
    torch.manual_seed(0)
    weights = net.state_dict()
    for key, value in weights.items():
        if key.endswith("num_batches_tracked"):
            weights[key] = torch.tensor(0)
        elif value.dim() > 1 and value.is_floating_point() and not key.endswith("layer_scale"):
            bound = (6 / value[0].numel()) ** 0.5
            weights[key] = torch.empty(value.shape).uniform_(-bound, bound)
        elif value.is_floating_point():
            low = -0.5 if key.endswith(("bias", "mean")) else 0.5
            weights[key] = torch.empty(value.shape).uniform_(low, low + 1)
    return weights


def translated(weights: dict[str, torch.Tensor], net: nn.Module) -> dict[str, torch.Tensor]:
    """`weights` under the names of `net`: each entry takes the first unused one of its size."""
    unused = list(weights.values())
    state = {}
    for key, value in net.state_dict().items():
        found = next(i for i, weight in enumerate(unused) if weight.numel() == value.numel())
        state[key] = unused.pop(found).view(value.shape)
    return state


@pytest.mark.parametrize("name", [name for name in IMAGE_NAMES if name in PUBLISHED])
def test_size_equals_the_published(name):
    (channels, classes), expected = PUBLISHED[name]
    assert parameters(build_on_meta(name, channels, 224, classes)) == expected


@pytest.mark.parametrize("name", IMAGE_NAMES)
def test_only_the_first_layer_depends_on_the_channels(name):
    gray = shapes(build_on_meta(name, 1, 224))
    colour = shapes(build_on_meta(name, 3, 224))
    different = {key for key in colour if gray[key] != colour[key]}
    assert gray.keys() == colour.keys()
    assert {colour[key][1] / gray[key][1] for key in different} == {3}
    # Two: real and imaginary part. A mixture has its experts' and its gate's.
    first = {"ComplexNet": 2, **{name: n + 1 for name, (n, _) in MIXTURES.items()}}
    assert len(different) == first.get(name, 1)


@pytest.mark.parametrize("name", IMAGE_NAMES)
def test_parameters_do_not_depend_on_the_input_size(name):
    expected = shapes(build_on_meta(name, 3, 224))
    for size in (32, 64):
        assert shapes(build_on_meta(name, 3, size)) == expected


@pytest.mark.parametrize("size", [28, 32, 64, 224, 299])
@pytest.mark.parametrize("name", IMAGE_NAMES)
def test_every_size_gives_a_score_per_class(name, size):
    device = CPU if name in SPARSE else torch.device("meta")
    net = build(name, (2, 3, size, size), 7, device).eval()
    with torch.no_grad():
        scores = net(torch.zeros(2, 3, size, size, device=device))
    assert scores.shape == (2, 7)
    assert scores.dtype == torch.float32


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", IMAGE_NAMES)
def test_one_step_of_learning(name, channels):
    net = build(name, (2, channels, 32, 32), 10)
    inputs, labels = torch.randn(2, channels, 32, 32), torch.tensor([3, 7])
    learns(net, inputs, labels, sparse=name in SPARSE)
    net.eval()
    with torch.no_grad():
        first, second = net(inputs), net(inputs)
    assert first.shape == (2, 10)
    assert first.isfinite().all()
    assert torch.equal(first, second)


def test_complexnet_reads_the_imaginary_part():
    net = build("ComplexNet", (2, 3, 32, 32), 10)
    real, imaginary = torch.randn(2, 2, 3, 32, 32)
    learns(net, torch.complex(real, imaginary), torch.tensor([3, 7]))
    net.eval()
    with torch.no_grad():
        of_real = net(real)
        torch.testing.assert_close(net(real.to(torch.complex64)), of_real)
        assert not torch.allclose(net(torch.complex(real, imaginary)), of_real)


def test_complexnet_normalises_real_and_imaginary_parts_together():
    norm = load("ComplexNet").ComplexBatchNorm2d(3)
    real = torch.randn(8, 3, 16, 16)
    skewed = torch.complex(5 * real + 2, torch.randn(8, 3, 16, 16) - 3 * real)
    out = norm(skewed).transpose(0, 1).flatten(1)
    for channel in torch.stack([out.real, out.imag], dim=1):
        torch.testing.assert_close(channel.cov(), torch.eye(2) / 2, rtol=0, atol=1e-3)
        torch.testing.assert_close(channel.mean(1), torch.zeros(2), rtol=0, atol=1e-4)


def test_swin_windows_are_separate_until_they_shift():
    """One token reaches its own 7x7 window, or, shifted, the window that lies across four."""
    module = load("SwinTransformerTiny")
    for shifted, rows in ((False, (7, 14)), (True, (3, 10))):
        attention = module.WindowAttention(6, heads=2, shifted=shifted)
        image = torch.zeros(1, 28, 28, 6, requires_grad=True)
        attention(image)[0, 8, 8].sum().backward()
        expected = torch.zeros(28, 28, dtype=torch.bool)
        expected[slice(*rows), slice(*rows)] = True
        assert torch.equal(image.grad[0].abs().sum(-1) > 0, expected)


def test_swin_corner_tokens_do_not_meet_those_of_the_opposite_edge():
    attention = load("SwinTransformerTiny").WindowAttention(6, heads=2, shifted=True)
    image = torch.zeros(1, 28, 28, 6, requires_grad=True)
    attention(image)[0, 1, 1].sum().backward()
    reached = image.grad[0].abs().sum(-1) > 0
    assert reached[:3, :3].all()
    assert reached.sum() == 9


def shapes(net: nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in net.state_dict().items()}


def learns(
    net: nn.Module, inputs: torch.Tensor, targets: torch.Tensor, sparse: bool = False
) -> None:
    """One call of `learn` with one batch gives every parameter a finite gradient and moves it.

    In a sparse mixture those of the experts that were chosen: whole experts may be left out.
    """
    before = {key: value.detach().sum().item() for key, value in net.named_parameters()}
    net.learn([(inputs, targets)])
    missing = {key for key, value in net.named_parameters() if value.grad is None}
    left_out = {".".join(key.split(".")[:2]) for key in missing}
    if sparse:
        assert all(unit.startswith("experts.") for unit in left_out)
        assert 2 <= len(net.experts) - len(left_out) <= 2 * len(inputs)
    chosen = {k: v for k, v in net.named_parameters() if ".".join(k.split(".")[:2]) not in left_out}
    assert missing == (set() if not sparse else set(before) - set(chosen))
    assert [key for key, value in chosen.items() if not value.grad.isfinite().all()] == []
    after = {key: value.detach().sum().item() for key, value in chosen.items()}
    assert sum(before[key] != after[key] for key in after) > len(after) / 2


# -- text ---------------------------------------------------------------------------------------

VOCABULARY = 30
PHRASE = torch.tensor([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3])


@pytest.mark.parametrize("name", TEXT_NAMES)
def test_one_step_of_learning_text(name):
    net = build(name, (2, 16), VOCABULARY)
    characters = torch.randint(VOCABULARY, (2, 17))
    learns(net, characters[:, :-1], characters[:, 1:])
    net.eval()
    scores = net(characters[:, :-1])
    assert scores.shape == (2, 16, VOCABULARY)
    assert scores.isfinite().all()


@pytest.mark.parametrize("name", TEXT_NAMES)
def test_no_score_depends_on_a_later_character(name):
    net = build(name, (1, 16), VOCABULARY).eval()
    text = torch.randint(VOCABULARY, (1, 16))
    with torch.no_grad():
        expected = net(text)
        for place in range(16):
            changed = text.clone()
            changed[0, place] = (text[0, place] + 1) % VOCABULARY
            scores = net(changed)
            torch.testing.assert_close(scores[0, :place], expected[0, :place])
            assert not torch.allclose(scores[0, place], expected[0, place])
            if place < 15:  # what was read is remembered
                assert not torch.equal(scores[0, -1], expected[0, -1])


@pytest.mark.parametrize("name", TEXT_NAMES)
def test_shorter_text_gives_the_same_scores(name):
    net = build(name, (1, 16), VOCABULARY).eval()
    text = torch.randint(VOCABULARY, (1, 16))
    with torch.no_grad():
        torch.testing.assert_close(net(text[:, :9]), net(text)[:, :9])


@pytest.mark.parametrize("name", TEXT_NAMES)
def test_a_phrase_that_repeats_is_learned(name):
    """Some characters of the phrase have several successors: context is needed, not just the last.

    Knowing the last character alone leaves a loss of at least 0.70.
    """
    net = build(name, (16, 32), VOCABULARY)
    text = PHRASE.repeat(40)
    starts = torch.randint(len(PHRASE), (60, 16), generator=torch.Generator().manual_seed(1))
    batches = [torch.stack([text[s : s + 33] for s in batch.tolist()]) for batch in starts]
    net.learn([(batch[:, :-1], batch[:, 1:]) for batch in batches])
    net.eval()
    with torch.no_grad():
        scores = net(batches[0][:, :-1])[:, 16:]
    loss = nn.functional.cross_entropy(scores.flatten(0, 1), batches[0][:, 17:].flatten())
    assert loss < 0.4
