"""The tiny model answers: seeds, batches, beginnings, ends."""

import pytest

from lemur2.finetuning.sampling import LocalBackend
from lemur2.llm import Message, ModelError, Request, Sampling


@pytest.fixture(scope="module")
def backend(tiny):
    backend = LocalBackend(str(tiny), batch=4)
    backend.open()
    return backend


def ask(seed, text="hello", **sampling):
    settings = {"temperature": 1.0, "max_tokens": 24, "seed": seed, **sampling}
    return Request(messages=(Message("user", text),), sampling=Sampling(**settings))


@pytest.fixture(autouse=True)
def _float32(monkeypatch):
    monkeypatch.setattr("lemur2.finetuning.models.fast_bfloat16", lambda device: False)


def test_a_seed_gives_a_text_whatever_else_is_asked(backend):
    texts = [reply.text for reply in backend.complete([ask(seed) for seed in range(4)])]
    assert len(set(texts)) == 4
    assert backend.complete([ask(2)])[0].text == texts[2]
    mixed = backend.complete([ask(9, "another, longer question"), ask(2)])
    assert mixed[1].text == texts[2]


def test_temperature_0_takes_the_likeliest(backend):
    texts = {reply.text for reply in backend.complete([ask(s, temperature=0) for s in range(3)])}
    assert len(texts) == 1
    assert backend.complete([ask(7, top_k=1)])[0].text in texts
    assert backend.complete([ask(7, top_p=1e-6)])[0].text in texts


def test_a_reply_ends_after_its_tokens(backend):
    reply = backend.complete([ask(0, max_tokens=5)])[0]
    assert (reply.finish, reply.completion_tokens) == ("length", 5)
    assert reply.prompt_tokens == backend.count((Message("user", "hello"),))


def test_a_reply_ends_at_a_stop(backend):
    whole = backend.complete([ask(1)])[0].text
    stop = whole[3:5]
    cut = backend.complete([ask(1, stop=(stop,))])[0]
    assert cut.text == whole.split(stop, 1)[0]
    assert cut.finish == "stop"


def test_a_begun_reply_is_gone_on_with(backend):
    begun = Request(
        messages=(Message("user", "hello"), Message("assistant", "class Net")),
        sampling=Sampling(temperature=0, max_tokens=4),
    )
    fresh = ask(0, temperature=0, max_tokens=4)
    assert backend.count(begun.messages) == backend.count(fresh.messages) + len("class Net")
    assert backend.complete([begun])[0].completion_tokens <= 4
    assert backend.facts.prefills


def test_a_grammar_is_refused(backend):
    with pytest.raises(ModelError, match="grammar"):
        backend.complete([ask(0, grammar='root ::= "x"')])


def test_an_adapter_that_is_none(tiny, tmp_path):
    with pytest.raises(ModelError, match="adapter"):
        LocalBackend(str(tiny), tmp_path).open()
