"""What ordinary files do works in a worker, or says what to do instead."""

import pytest
from driving import screen, train
from nets import LEARN, net

from lemur2.architecture import Refusal, Verdict
from lemur2.evaluation import Protocol
from lemur2.evaluation.plan import Plan
from lemur2.tasks import task

IMAGES = task("img-classification")
COMPILE_NOTE = "torch.compile is off in the sandbox"
DECORATED = """
@torch.compile
def double(x):
    return 2 * x

@torch.compile(mode="max-autotune", fullgraph=True)
def half(x):
    return x / 2
"""


@pytest.fixture(scope="module")
def plan():
    return Plan.of(Protocol(dataset="digits"))


@pytest.mark.parametrize(
    "changes",
    [
        {"top": DECORATED, "forward": "return half(double(self.head(x.flatten(1))))"},
        {"build": "self.head = torch.compile(self.head)"},
        {"build": "self.head.compile(dynamic=True)"},
    ],
    ids=["decorators", "call", "method"],
)
def test_compiling_is_the_identity_and_noted(engine, changes):
    facts = screen(engine, net(**changes), IMAGES)
    assert facts.notes == (COMPILE_NOTE,)
    assert facts.parameters == screen(engine, net(), IMAGES).parameters


def test_what_does_not_compile_has_no_note(engine):
    assert screen(engine, net(), IMAGES).notes == ()


LOADER = """
        from torch.utils.data import DataLoader, random_split
        part, _ = random_split(train_data.dataset, [100, len(train_data.dataset) - 100])
        loader = DataLoader(part, {arguments})
        batches = list(loader)
        assert sum(len(labels) for _, labels in batches) == 100
        assert loader.num_workers == 0
        assert batches[0][1].dtype == torch.int64 and batches[0][0].shape[1:] == (1, 32, 32)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        "batch_size=8, shuffle=True, num_workers=2, pin_memory=True, persistent_workers=True, "
        'prefetch_factor=4, multiprocessing_context="spawn", timeout=5',
        "8, True, None, None, 2",
    ],
    ids=["keywords", "positions"],
)
def test_a_data_loader_works_without_workers_and_says_so(engine, plan, arguments):
    trial = train(engine, net(learn=LOADER.format(arguments=arguments)), plan)
    assert trial.verdict is Verdict.OK, trial.reason
    assert trial.reason == "DataLoader(num_workers=2) has no workers in the sandbox: 0 are used"


USES = """
        data = train_data.dataset
        assert len(data) == 1439 and train_data.batch_size == 64 and not train_data.drop_last
        assert len(train_data) == 23
        first = [labels for _, labels in train_data]
        second = [labels for _, labels in train_data]
        assert len(first) == len(second) == len(train_data)
        assert not torch.equal(torch.cat(first), torch.cat(second))
        assert torch.equal(torch.cat(first).sort().values, torch.cat(second).sort().values)
        inputs, labels = next(iter(train_data))
        assert inputs.shape == (64, 1, 32, 32) and labels.shape == (64,)
        image, label = data[0]
        assert image.shape == (1, 32, 32) and image.dtype == torch.float32 and label in range(10)
        assert data[-1][1] == data[len(data) - 1][1] and torch.equal(data[-1][0], data[1438][0])
        assert sum(1 for _ in data) == 1439
        assert [index for index, _ in enumerate(train_data)] == list(range(23))
"""


def test_the_training_data_has_what_a_data_loader_has(engine, plan):
    trial = train(engine, net(learn=USES), plan)
    assert (trial.verdict, trial.reason) == (Verdict.OK, "")


def test_packages_that_may_not_be_read_are_not_there(engine):
    """Code that does without them does; code that needs them is told."""
    top = """
import importlib.util
try:
    import sklearn
except ImportError:
    sklearn = None
assert sklearn is None and importlib.util.find_spec("mlxtend") is None
"""
    assert screen(engine, net(top=top), IMAGES).parameters
    with pytest.raises(Refusal, match="may not read: sklearn") as caught:
        screen(engine, net(top="from sklearn.metrics import accuracy_score"), IMAGES)
    assert caught.value.verdict is Verdict.IMPORT


@pytest.mark.parametrize(
    ("package", "top"),
    [
        ("timm", "import timm\nfrom timm.models.layers import DropPath\nfrom timm.models import *"),
        ("transformers", "import transformers\nfrom transformers import ViTModel, BertModel"),
        ("transformers", "from transformers.modeling_utils import PreTrainedModel"),
        ("einops", "import einops\nfrom einops.layers.torch import Rearrange"),
        ("torchvision", "import torchvision\nfrom torchvision.models.detection import *"),
    ],
)
def test_allowed_packages_can_be_imported(engine, package, top):
    pytest.importorskip(package)
    assert screen(engine, net(top=top), IMAGES).parameters


@pytest.mark.parametrize(
    ("learn", "words"),
    [
        ("import multiprocessing; multiprocessing.Pool(2)", "no other processes"),
        ('import subprocess; subprocess.run(["true"])', "no other processes"),
        (
            'import urllib.request; urllib.request.urlopen("http://example.com")',
            "no network in the sandbox",
        ),
        (
            'torch.hub.load_state_dict_from_url("https://example.com/a.pth")',
            "no network in the sandbox",
        ),
    ],
)
def test_what_is_beyond_reach_says_what_to_do_instead(engine, plan, learn, words):
    trial = train(engine, net(learn=f"{learn}\n{LEARN}"), plan)
    assert trial.verdict in (Verdict.FORBIDDEN, Verdict.TRAIN)
    assert words in trial.reason
