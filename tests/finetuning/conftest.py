"""A tiny model of the embedded one's architecture, and a small corpus to train it on."""

import pytest

from lemur2.architecture import Architecture, Verdict, zoo_source
from lemur2.corpus import Corpus, Epoch, Facts
from lemur2.corpus.curation import Rules, Shares, curate, write

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WIDTHS = (4, 6, 8, 10, 12, 14, 16, 18)


def network(width, kind="Conv2d"):
    return f'''"""A small network."""
import torch
import torch.nn as nn


def supported_hyperparameters():
    return {{'lr'}}


class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.layers = nn.Sequential(  # widths
            nn.{kind}(in_shape[1], {width}, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear({width}, out_shape[0]))

    def forward(self, x):
        return self.layers(x)

    def train_setup(self, prm):
        self.optimizer = torch.optim.SGD(self.parameters(), lr=prm['lr'])

    def learn(self, train_data):
        for inputs, labels in train_data:
            loss = nn.functional.cross_entropy(self(inputs), labels)
            loss.backward()
'''


def add(corpus, source, name, size, *, datasets=("cifar-10", "mnist"), accuracy=0.5):
    architecture = Architecture.parse(source, name=name)
    facts = Facts(
        input_size=size,
        sample_shape=(3, size, size),
        outputs=(10,),
        parameters=100,
        flops=1000,
        memory=1,
        seconds=0.1,
        structure_digest="",
    )
    corpus.add_architecture(
        name=name, source=source, digest=architecture.digest, family=name[0], facts=facts
    )
    for dataset in datasets:
        trial = corpus.begin_trial(
            name,
            task="img-classification",
            dataset=dataset,
            metric="acc",
            transform="norm",
            hyperparameters={"lr": 0.1},
            seed=0,
            environment={},
        )
        corpus.add_epoch(trial, Epoch(epoch=1, score=accuracy, loss=None, seconds=1.0, memory=1))
        corpus.finish_trial(trial, Verdict.OK)


@pytest.fixture(scope="session")
def corpus_file(tmp_path_factory):
    """Families a (six networks), b (two), one that needs 64 pixels, one that ignores the input."""
    file = tmp_path_factory.mktemp("corpus") / "lemur2.db"
    with Corpus.open(file, create=True) as corpus:
        for place, width in enumerate(WIDTHS):
            add(corpus, network(width), f"{'a' if place < 6 else 'b'}{width}", 32)
        add(corpus, network(33), "wide", 64)
        add(corpus, network(34).replace("in_shape[1]", "3"), "blind", 32)
        add(corpus, zoo_source("ResNet18"), "long", 32)
    return file


@pytest.fixture(scope="session")
def curated(corpus_file, tmp_path_factory):
    """The whole corpus as a curated folder, in one split."""
    out = tmp_path_factory.mktemp("curated") / "networks"
    with Corpus.open(corpus_file, read_only=True) as corpus:
        rules = Rules(total=100, threshold=0.99)
        write(curate(corpus, rules, shares=Shares(validation=0, test=0)), corpus, out)
    return out


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A folder with a randomly initialised Llama of 60,000 parameters and a byte tokenizer."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("trl")
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.set_num_threads(1)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    vocabulary = {token: place for place, token in enumerate([*special, *letters])}
    inner = Tokenizer(models.BPE(vocabulary, []))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    inner.add_special_tokens(special)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<|im_end|>", pad_token="<|im_end|>"
    )
    tokenizer.chat_template = TEMPLATE
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
        tie_word_embeddings=True,
    )
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("tiny")
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
