"""Blocks of torchvision and timm as installed: they stand alone, and compute as they did."""

import importlib
import importlib.metadata
import subprocess
import sys

import pytest

from lemur2.retrieval import BlockDiscovery, BlockExtractor, FileIndexStore, RepoCache

for _name in ("torch", "torchvision", "timm"):
    pytest.importorskip(_name)

# What is asked for, how it is made, and the shape of its input.
BLOCKS = [
    ("timm.layers.drop.DropPath", "0.2", (2, 4, 8, 8)),
    ("timm.layers.create_act.create_act_layer", "'mish'", (2, 4)),
    ("timm.layers.squeeze_excite.SEModule", "16", (2, 16, 8, 8)),
    ("timm.layers.cbam.CbamModule", "16", (2, 16, 8, 8)),
    ("timm.layers.eca.EcaModule", "16", (2, 16, 8, 8)),
    ("timm.layers.norm.LayerNorm2d", "16", (2, 16, 8, 8)),
    ("timm.layers.mlp.ConvMlp", "16, 32", (2, 16, 8, 8)),
    ("timm.layers.blur_pool.BlurPool2d", "16", (2, 16, 8, 8)),
    ("timm.layers.conv_bn_act.ConvNormAct", "16, 32", (2, 16, 8, 8)),
    ("timm.models._efficientnet_blocks.InvertedResidual", "16, 16", (2, 16, 8, 8)),
    ("timm.models.convnext.ConvNeXtBlock", "16", (2, 16, 8, 8)),
    ("timm.models.vision_transformer.Block", "32, 4", (2, 9, 32)),
    ("timm.models.resnet.Bottleneck", "16, 4", (2, 16, 8, 8)),
    ("timm.models.mlp_mixer.MixerBlock", "32, 9", (2, 9, 32)),
    ("torchvision.ops.misc.Conv2dNormActivation", "3, 8", (2, 3, 8, 8)),
    ("torchvision.ops.misc.SqueezeExcitation", "16, 4", (2, 16, 8, 8)),
    ("torchvision.ops.stochastic_depth.StochasticDepth", "0.5, 'row'", (2, 4)),
    ("torchvision.models.resnet.BasicBlock", "16, 16", (2, 16, 8, 8)),
    ("torchvision.models.densenet.DenseNet", "8, (2, 2), 16, num_classes=5", (2, 3, 64, 64)),
    ("torchvision.models.googlenet.Inception", "16, 4, 4, 4, 4, 4, 4", (2, 16, 8, 8)),
]

# Runs in a process of its own, where the libraries cannot be imported.
CHECK = """
import importlib, sys
import torch
sys.path.insert(0, {folder!r})
class Closed:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("timm", "torchvision"):
            raise AssertionError("imports " + name)
sys.meta_path.insert(0, Closed())
outputs = {{}}
for number, (name, made, shape) in enumerate({blocks!r}):
    taken = importlib.import_module(f"taken_{{number}}")
    torch.manual_seed(number)
    block = eval(f"taken.{{name.rpartition('.')[2]}}({{made}})")
    block.train(False)
    outputs[name] = block(torch.rand(shape))
torch.save(outputs, {folder!r} + "/outputs.pt")
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("libraries")
    store = FileIndexStore(folder / "index.db", workers=1)
    cache = RepoCache(folder)
    for name in ("timm", "torchvision"):
        assert not store.update(cache.add(f"dist:{name}")).problems
    return store


def test_blocks_of_the_libraries_compute_the_same_without_them(store, tmp_path):
    import torch

    extractor = BlockExtractor(store)
    for number, (name, _, _) in enumerate(BLOCKS):
        source = extractor.extract(name).source
        (tmp_path / f"taken_{number}.py").write_text(source, encoding="utf-8")
    code = CHECK.format(folder=str(tmp_path), blocks=BLOCKS)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    outputs = torch.load(tmp_path / "outputs.pt")
    for number, (name, made, shape) in enumerate(BLOCKS):
        module, _, own = name.rpartition(".")
        torch.manual_seed(number)
        original = eval(
            f"original({made})", {"original": getattr(importlib.import_module(module), own)}
        )
        original.train(False)
        found = original(torch.rand(shape))
        assert torch.allclose(found, outputs[name], atol=1e-6), name  # threads may differ in number


def test_a_known_census(store):
    blocks = BlockDiscovery(store).blocks()
    assert len({block.qualified_name for block in blocks}) == len(blocks)
    by_name = {block.qualified_name: block for block in blocks}
    assert by_name["timm.layers.drop.DropPath"].category == "utility"
    assert by_name["timm.models.vision_transformer.Block"].category == "transformer"
    assert by_name["torchvision.models.resnet.ResNet"].category == "architecture"
    assert by_name["timm.layers.norm.LayerNorm2d"].category == "normalisation"
    assert by_name["timm.layers.adaptive_avgmax_pool.SelectAdaptivePool2d"].category == "pooling"
    assert by_name["timm.loss.cross_entropy.LabelSmoothingCrossEntropy"].category == "loss"
    assert by_name["timm.layers.attention_pool.AttentionPoolLatent"].category == "attention"
    assert by_name["torchvision.ops.misc.Conv2dNormActivation"].category == "convolution"
    assert by_name["timm.layers.drop.DropPath"].version == importlib.metadata.version("timm")
