"""Real trainings of a tiny model: they learn, and a killed one ends where it would have."""

import json
import os
import signal
import subprocess
import sys

import pytest

from lemur2.corpus import Corpus
from lemur2.errors import UsageError, UserError
from lemur2.finetuning import Tuning

SETTINGS = {
    "rank": 4,
    "alpha": 4,
    "learning_rate": 0.02,
    "warmup": 1,
    "batch": 2,
    "epochs": 2,
    "longest": 1200,
    "save_every": 2,
    "bfloat16": False,
}


def tuning(tiny, **changes):
    return Tuning(model=str(tiny), **{**SETTINGS, **changes})


def train(tiny, curated, corpus_file, out, **rest):
    from lemur2.finetuning.run import finetune

    with Corpus.open(corpus_file, read_only=True) as corpus:
        return finetune(tuning(tiny), curated, corpus, out, **rest)


def steps(out):
    rows = [json.loads(line) for line in (out / "steps.jsonl").read_text().splitlines()]
    return [(row["step"], row["loss"], row["tokens"]) for row in rows]


def weights(out):
    from safetensors.torch import load_file

    return load_file(out / "adapter_model.safetensors")


@pytest.fixture(scope="module")
def trained(tiny, curated, corpus_file, tmp_path_factory):
    chosen = []
    out = tmp_path_factory.mktemp("trained") / "adapter"
    train(tiny, curated, corpus_file, out, on_chosen=chosen.append)
    return out, chosen[0]


def test_it_learns_and_says_what_from(trained):
    out, chosen = trained
    found = steps(out)
    assert [step for step, _, _ in found] == list(range(1, len(found) + 1))
    assert found[-1][1] < found[0][1] - 0.05
    assert chosen.examples == 8  # the long network and the blind one are left out
    assert chosen.families == {"a": 6, "b": 2}
    assert len((out / "examples.jsonl").read_text().splitlines()) == 8


def test_a_killed_training_ends_where_it_would_have(trained, tiny, curated, corpus_file, tmp_path):
    import torch

    out = tmp_path / "adapter"
    program = f"""
import os, signal, sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
import torch
torch.set_num_threads(1)
from pathlib import Path
from test_training import train
def stop(step):
    if step.step == 5:
        os.kill(os.getpid(), signal.SIGKILL)
train(*map(Path, {[str(tiny), str(curated), str(corpus_file), str(out)]!r}), on_step=stop)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]
    assert steps(out)[-1][0] == 5
    assert not (out / "adapter_model.safetensors").exists()
    train(tiny, curated, corpus_file, out)
    assert steps(out) == steps(trained[0])
    resumed, whole = weights(out), weights(trained[0])
    assert resumed.keys() == whole.keys()
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


def test_a_folder_of_another_tuning_is_left_alone(trained, tiny):
    with pytest.raises(UserError, match="other settings"):
        tuning(tiny, rank=8).claim(trained[0])


def test_a_folder_of_something_else_is_left_alone(tiny, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="already"):
        tuning(tiny).claim(tmp_path)


@pytest.mark.parametrize(
    "changes", [{"rank": 0}, {"batch": 0}, {"learning_rate": 0.0}, {"four_bit": True}]
)
def test_settings_that_cannot_be(tiny, changes):
    with pytest.raises(UsageError):
        tuning(tiny, **changes)


def test_nothing_short_enough_is_said(tiny, curated, corpus_file, tmp_path):
    from lemur2.finetuning.run import finetune

    with (
        Corpus.open(corpus_file, read_only=True) as corpus,
        pytest.raises(UserError, match="--longest"),
    ):
        finetune(tuning(tiny, longest=10), curated, corpus, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_corpus_that_nobody_screened_is_one_line(tiny, curated, tmp_path):
    """Nothing is known of any network: that is said, with the command that finds it out."""
    from lemur2.finetuning.run import finetune

    with (
        Corpus.open(tmp_path / "empty.db", create=True) as corpus,
        pytest.raises(UserError, match=r"never screened.*`lemur2 screen --all`") as error,
    ):
        finetune(tuning(tiny), curated, corpus, tmp_path / "out")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("model", ["openai:http://localhost:1/v1#m", "replay:r", "deck:r"])
def test_a_model_without_weights_is_not_tuned(model):
    from lemur2.llm.choosing import weights_of

    with pytest.raises(UsageError, match="no weights behind it to train; take embedded"):
        weights_of(model)


def test_a_model_that_is_not_there(tmp_path):
    from lemur2.llm.backends.weights import load_tokenizer

    with pytest.raises(UserError, match=r"no model .*none\.gguf"):
        load_tokenizer(str(tmp_path / "none.gguf"))
    with pytest.raises(UserError, match="cannot load the model"):
        load_tokenizer(str(tmp_path))


def test_llm_hf_takes_the_adapter(trained, tiny):
    from lemur2.llm import Message, Request, Sampling, open_client

    fresh = (Message("user", "hello"),)
    begun = (*fresh, Message("assistant", "class Net"))
    said = []
    for spec in (f"hf:{tiny}", f"hf:{tiny}+{trained[0]}"):
        with open_client(spec) as client:
            assert client.facts.prefills
            assert client.count(begun) == client.count(fresh) + len("class Net")
            sampling = Sampling(temperature=0, max_tokens=20)
            asked = [Request(messages=each, sampling=sampling) for each in (fresh, begun)]
            said.append([reply.text for reply in client.complete(asked)])
    assert said[0] != said[1]


def test_llm_hf_says_what_is_wrong(tiny, tmp_path):
    from lemur2.llm import Message, ModelError, Request, Sampling, open_client

    grammar = Sampling(grammar='root ::= "x"')
    with open_client(f"hf:{tiny}") as client, pytest.raises(ModelError, match="grammar"):
        client.complete([Request(messages=(Message("user", "x"),), sampling=grammar)])
    with open_client(f"hf:{tmp_path}") as client, pytest.raises(ModelError, match="cannot load"):
        client.count((Message("user", "x"),))
