"""The tiny model draws: seeds, batches, ends. In this process, in float32."""

import pytest

from lemur2.llm import ModelError, Sampling


@pytest.fixture(scope="module")
def decoder(tiny):
    from lemur2.llm.backends.decoding import Decoder
    from lemur2.llm.backends.weights import load_model, load_tokenizer

    return Decoder(load_model(str(tiny)).eval(), load_tokenizer(str(tiny)))


def row(decoder, seed, text="hello", **sampling):
    from lemur2.llm.backends.decoding import Row

    settings = {"temperature": 1.0, "max_tokens": 24, "seed": seed, **sampling}
    return Row(decoder.tokenizer(text)["input_ids"], Sampling(**settings))


def draw(decoder, *rows):
    decoder.draw(rows)
    return [each.text for each in rows]


def test_a_seed_gives_a_text_whatever_else_is_drawn(decoder):
    texts = draw(decoder, *(row(decoder, seed) for seed in range(4)))
    assert len(set(map(tuple, texts))) == 4
    assert draw(decoder, row(decoder, 2)) == [texts[2]]
    longer = row(decoder, 9, "another, longer question", max_tokens=40)
    assert draw(decoder, longer, row(decoder, 2))[1] == texts[2]


def test_temperature_0_takes_the_likeliest(decoder):
    likeliest = draw(decoder, *(row(decoder, seed, temperature=0) for seed in range(3)))
    assert likeliest == [likeliest[0]] * 3
    assert draw(decoder, row(decoder, 7, top_k=1)) == likeliest[:1]
    assert draw(decoder, row(decoder, 7, top_p=1e-6)) == likeliest[:1]


def test_only_the_likely_tokens_are_drawn(decoder):
    import torch

    logits = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05]))
    several = {row(decoder, seed).draw(logits) for seed in range(60)}
    assert several == {0, 1, 2, 3}
    assert {row(decoder, seed, top_k=2).draw(logits) for seed in range(60)} == {0, 1}
    assert {row(decoder, seed, top_p=0.75).draw(logits) for seed in range(60)} == {0, 1}
    assert {row(decoder, s, top_k=3, top_p=0.85).draw(logits) for s in range(90)} == {0, 1, 2}


def test_draws_follow_the_shares(decoder):
    import torch

    logits = torch.log(torch.tensor([0.7, 0.3]))
    one = row(decoder, 0)
    share = sum(one.draw(logits) for _ in range(4000)) / 4000
    assert abs(share - 0.3) < 0.03
    warm = row(decoder, 0, temperature=2.0)
    expected = 0.3**0.5 / (0.3**0.5 + 0.7**0.5)
    assert abs(sum(warm.draw(logits) for _ in range(4000)) / 4000 - expected) < 0.03


def test_replies_end_at_their_own_length(decoder):
    rows = [row(decoder, seed, max_tokens=5 + seed) for seed in range(4)]
    decoder.draw(rows)
    ended = [(each.finish, len(each.text)) for each in rows]
    assert all(length == 5 + seed for seed, (how, length) in enumerate(ended) if how == "length")


def test_a_reply_ends_at_a_stop_and_at_the_models_end(decoder):
    whole = draw(decoder, row(decoder, 1))[0]
    stop = decoder.tokenizer.decode(whole[3:5])
    cut = row(decoder, 1, stop=(stop,))
    assert draw(decoder, cut)[0] == whole[: len(cut.text)]
    assert stop in decoder.tokenizer.decode(cut.text)
    assert cut.finish == "stop"
    ends, decoder.ends = decoder.ends, {whole[6]}
    try:
        ended = row(decoder, 1)
        assert draw(decoder, ended)[0] == whole[: whole.index(whole[6])]
        assert ended.finish == "stop"
    finally:
        decoder.ends = ends


def test_an_adapter_that_is_none(tiny, tmp_path):
    from lemur2.llm.backends.weights import load_model, put_adapter

    with pytest.raises(ModelError, match="adapter"):
        put_adapter(load_model(str(tiny)), tmp_path)
