"""The client against a scripted server: nothing is lost, whatever the server does."""

import json
import threading

import pytest
from server import MODEL, Server, busy, drops, event, for_ever, raw, refuse, says, streams

from lemur2.errors import UsageError, UserError
from lemur2.llm import Budget, BudgetSpent, Client, Message, ModelError, Request, Sampling
from lemur2.llm.backends.openai import OpenAIBackend, ReplyLimits
from lemur2.llm.choosing import make_backend, open_client, preset_of, presets
from lemur2.llm.client import Persistence
from lemur2.llm.record import exchanges

FAST = Persistence(attempts=4, first_wait=0.001, longest_wait=0.002)


def ask(text="hello", seed=0, **sampling):
    return Request(messages=(Message("user", text),), sampling=Sampling(seed=seed, **sampling))


def client_of(server, record=None, **settings):
    backend = OpenAIBackend(server.url, MODEL, **settings.pop("backend", {}))
    return Client(backend, record=record, persistence=FAST, **settings)


def test_a_reply_is_whole_and_counted():
    with Server([says("Grüße, 🤖!")]) as server, client_of(server) as client:
        [reply] = client.complete([ask(max_tokens=9, temperature=0.5, top_k=3, top_p=0.9)])
    assert (reply.text, reply.finish, reply.attempts) == ("Grüße, 🤖!", "stop", 1)
    assert (reply.prompt_tokens, reply.completion_tokens, reply.estimated) == (7, 3, False)
    [asked] = server.asked
    assert asked["messages"] == [{"role": "user", "content": "hello"}]
    wanted = {"max_tokens": 9, "temperature": 0.5, "top_k": 3, "top_p": 0.9, "seed": 0}
    assert {name: asked[name] for name in wanted} == wanted


def test_tokens_are_estimated_where_the_server_does_not_count():
    with Server([says("abcdef", usage=None)]) as server, client_of(server) as client:
        [reply] = client.complete([ask()])
    assert reply.estimated
    assert (reply.prompt_tokens, reply.completion_tokens) == (9, 2)


def test_a_reply_that_ran_out_of_tokens_says_so():
    with Server([says("abc", finish="length")]) as server, client_of(server) as client:
        assert client.complete([ask()])[0].finish == "length"


def test_reasoning_is_kept_apart():
    script = streams(event(reasoning="hm"), event("yes", "stop"), b"data: [DONE]\n\n")
    with Server([script]) as server, client_of(server) as client:
        [reply] = client.complete([ask()])
    assert (reply.text, reply.reasoning) == ("yes", "hm")


def test_requests_are_in_flight_together_and_answered_in_order():
    gate = threading.Barrier(4, timeout=10)

    def choose(body):
        return says(body["messages"][0]["content"].upper(), gate=gate)

    with Server(choose=choose) as server, client_of(server, concurrency=4) as client:
        replies = client.complete([ask(text) for text in "abcdefgh"])
    assert [reply.text for reply in replies] == list("ABCDEFGH")
    assert server.most_at_once == 4


@pytest.mark.parametrize(
    "trouble",
    [
        busy(),
        refuse(503, "overloaded", retry_after=0),
        refuse(500, "oops"),
        raw(502, b"<html>Bad gateway</html>"),
        drops,
        streams(event("half a ")),
        streams(event("half a "), b'data: {"choices": [{"del'),
        streams(b"data: {not json}\n\n"),
        streams(b"data: \xff\xfe\n\n"),
        streams(b'data: {"error": {"message": "out of memory"}}\n\n'),
        streams(b'data: {"id": "1", "choices": 7}\n\n'),
        streams(b"data: [1, 2]\n\n"),
        streams(b"data: null\n\n"),
        streams(b'data: {"id": "1", "choices": [{"index": 0, "delta": null}]}\n\n'),
        streams(b"data: [DONE]\n\n"),
        streams(),
    ],
)
def test_it_is_asked_again_after(trouble):
    with Server([trouble, says("at last")]) as server, client_of(server) as client:
        [reply] = client.complete([ask()])
    assert (reply.text, reply.attempts, len(server.asked)) == ("at last", 2, 2)


def test_it_waits_as_long_as_it_is_told(monkeypatch):
    waited = []
    monkeypatch.setattr("time.sleep", waited.append)
    monkeypatch.setattr("lemur2.llm.client._Pause.over", lambda self, _: waited.append(self._until))
    with Server([busy(retry_after=30), says("x")]) as server, client_of(server) as client:
        client.complete([ask()])
    before, after = waited
    assert before == 0.0
    assert after > 30


def test_a_shorter_pause_does_not_end_a_longer_one(monkeypatch):
    until = []
    monkeypatch.setattr("lemur2.llm.client._Pause.over", lambda self, _: until.append(self._until))
    steps = [busy(retry_after=300), busy(retry_after=0), says("x")]
    with Server(steps) as server, client_of(server) as client:
        client.complete([ask()])
    assert len(until) == 3
    assert until[2] == until[1] > until[0]


def test_it_gives_up_in_one_line_and_keeps_what_it_has(tmp_path):
    record = tmp_path / "r.jsonl"

    def choose(body):
        return busy() if body["messages"][0]["content"] == "b" else says("fine")

    with Server(choose=choose) as server:
        with client_of(server, record, concurrency=1) as client:
            with pytest.raises(UserError, match=r"failed 4 times.*429.*is kept") as error:
                client.complete([ask("a"), ask("b"), ask("c")])
            assert "\n" not in str(error.value)
        assert [request.messages[0].content for _, request, _ in exchanges(record)] == ["a"]
        server.choose = lambda body: says("now")
        server.asked.clear()
        with client_of(server, record) as client:
            replies = client.complete([ask("a"), ask("b"), ask("c")])
    assert [reply.text for reply in replies] == ["fine", "now", "now"]
    assert len(server.asked) == 2


def test_an_endless_reply_is_cut():
    limits = {"limits": ReplyLimits(characters=10_000)}
    with Server([for_ever()]) as server, client_of(server, backend=limits) as client:
        [reply] = client.complete([ask()])
    assert reply.finish == "cut"
    assert 10_000 < len(reply.text) < 11_000


def test_ten_megabytes_are_cut_at_the_limit(tmp_path):
    record = tmp_path / "r.jsonl"
    with Server([says("x" * 10_000_000, pieces=100)]) as server:
        with client_of(server, record) as client:
            [reply] = client.complete([ask()])
    assert reply.finish == "cut"
    assert len(reply.text) <= (1 << 20) + 100_000
    assert [kept for _, _, kept in exchanges(record)] == [reply]


ODD = (
    "\u202e\u0000\ud83d\ude00 \U0001f9d1\u200d\U0001f4bb e\u0301 \ufeff\u2028\x85\r\n\x1b[31m\ud800"
)


def test_unicode_oddities_survive_the_record(tmp_path):
    record = tmp_path / "r.jsonl"
    with Server([says(ODD, pieces=1)]) as server:
        with client_of(server, record) as client:
            [reply] = client.complete([ask(ODD.replace("\ud800", ""))])
        with client_of(server, record) as client:
            assert client.complete([ask(ODD.replace("\ud800", ""))]) == [reply]
    assert len(server.asked) == 1


def test_what_is_recorded_is_not_asked_again_and_needs_no_server(tmp_path):
    record = tmp_path / "deep" / "r.jsonl"
    with Server([says("one"), says("two")], context=512) as server:
        with client_of(server, record) as client:
            replies = client.complete([ask(seed=1), ask(seed=2)])
            facts, tokens = client.facts, client.count(ask().messages)
    with client_of(server, record) as client:  # the server is gone
        assert client.complete([ask(seed=2), ask(seed=1)]) == replies[::-1]
        assert (client.facts, client.count(ask().messages)) == (facts, tokens)
        assert facts.context == 512
        with pytest.raises(ModelError, match="no server answers"):
            client.complete([ask(seed=3)])


def test_a_record_torn_by_a_crash_goes_on(tmp_path):
    record = tmp_path / "r.jsonl"
    with Server([says("one"), says("two"), says("three")]) as server:
        with client_of(server, record) as client:
            client.complete([ask(seed=1)])
            client.complete([ask(seed=2)])
        whole = record.read_bytes()
        record.write_bytes(whole[:-40])
        with client_of(server, record) as client:
            replies = client.complete([ask(seed=1), ask(seed=2)])
    assert [reply.text for reply in replies] == ["one", "three"]
    assert [reply.text for _, _, reply in exchanges(record)] == ["one", "three"]


def test_candidates_are_linked_once(tmp_path):
    record = tmp_path / "r.jsonl"
    for _ in range(2):
        with Server([says("x")]) as server, client_of(server, record) as client:
            client.link("alt-nn1-x", ["k1", "k2"])
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    assert lines == [{"kind": "candidate", "name": "alt-nn1-x", "keys": ["k1", "k2"]}]


def test_models_do_not_answer_for_each_other(tmp_path):
    record = tmp_path / "r.jsonl"
    with Server([says("one"), says("two")]) as server:
        for name, text in (("first", "one"), ("second", "two"), ("first", "one")):
            with client_of(server, record, name=name) as client:
                assert client.complete([ask()])[0].text == text


@pytest.mark.parametrize(
    "budget",
    [
        Budget(tokens=10),
        Budget(money=0.001, prompt_price=100, completion_price=100),
        Budget(seconds=1e-9),
    ],
)
def test_a_budget_ends_it_also_in_a_replay(tmp_path, budget):
    record = tmp_path / "r.jsonl"
    with Server([says("x")]) as server:
        for _ in range(2):
            with client_of(server, record, budget=budget) as client:
                client.complete([ask()])
                with pytest.raises(BudgetSpent, match="is spent"):
                    client.complete([ask(seed=2)])
    assert len(server.asked) == 1


def test_prompts_and_replies_have_their_own_prices():
    budget = Budget(money=1.0, prompt_price=2.0, completion_price=30.0)
    with Server([says("x", usage=(1000, 100))]) as server:
        with client_of(server, budget=budget) as client:
            client.complete([ask()])
    assert client.spent.money == pytest.approx((1000 * 2 + 100 * 30) / 1e6)
    assert client.spent.tokens == 1100


# -- mistakes, each one clear line before any work ------------------------------------------------


def complaint(client):
    with client, pytest.raises(UserError) as error:
        client.complete([ask()])
    assert "\n" not in str(error.value)
    return str(error.value)


def test_no_server():
    client = Client(OpenAIBackend("http://127.0.0.1:9/v1", "x"), persistence=FAST)
    assert "no server answers at http://127.0.0.1:9/v1" in complaint(client)


def test_a_wrong_key(monkeypatch):
    monkeypatch.setenv("LEMUR2_LLM_KEY", "wrong")
    with Server([says("x")], key="right") as server:
        said = complaint(client_of(server))
        assert "refuses the key" in said
        assert "LEMUR2_LLM_KEY" in said
        assert "wrong" not in said
        assert server.asked == []
        monkeypatch.setenv("LEMUR2_LLM_KEY", "right")
        with client_of(server) as client:
            assert client.complete([ask()])[0].text == "x"


def test_a_model_that_is_not_there():
    with Server([says("x")], models=("coder-7b", "coder-1b")) as server:
        client = Client(OpenAIBackend(server.url, "coder-8b"), persistence=FAST)
        assert "no model 'coder-8b'; it has coder-7b" in complaint(client)


@pytest.mark.parametrize("page", [b"<html>hello</html>", b'{"data": 3}', b"[]", b"null"])
def test_what_is_no_api(page):
    with Server([says("x")], listing=raw(200, page)) as server:
        assert "is no OpenAI-compatible API" in complaint(client_of(server))
        assert server.asked == []


def test_a_server_without_a_list_is_asked_all_the_same():
    with Server([says("x")], listing=refuse(404, "no such path")) as server:
        with client_of(server) as client:
            assert client.complete([ask()])[0].text == "x"


def test_a_request_that_the_server_refuses():
    with Server([refuse(400, "maximum context\nlength is 4096 tokens")]) as server:
        assert "maximum context length is 4096 tokens" in complaint(client_of(server))
        assert len(server.asked) == 1


def test_no_quota():
    with Server([refuse(429, "no quota", code="insufficient_quota")]) as server:
        assert "no quota left" in complaint(client_of(server))


@pytest.mark.parametrize(
    "spec", ["", "gpt", "openai:", "openai:localhost#x", "hf:", "replay:", "olympiccoder"]
)
def test_what_is_no_model(spec):
    with pytest.raises(UsageError, match="--llm"):
        make_backend(spec)


def test_a_record_that_is_none(tmp_path):
    other = tmp_path / "notes.txt"
    other.write_text("hello\n")
    with pytest.raises(UserError, match="is no record"):
        open_client("embedded", record=other)
    with open_client(f"replay:{tmp_path / 'none'}") as client:
        with pytest.raises(ModelError, match="there is no record"):
            client.complete([ask()])


# -- records as models, presets -------------------------------------------------------------------


def test_a_replay_answers_to_the_letter(tmp_path):
    record = tmp_path / "r.jsonl"
    with Server([says("one"), says("two")], context=99) as server:
        with client_of(server, record) as client:
            replies = client.complete([ask(seed=1), ask(seed=2)])
            facts = client.facts
    with open_client(f"replay:{record}") as client:
        assert client.facts == facts
        assert client.complete([ask(seed=2), ask(seed=1)]) == replies[::-1]
        with pytest.raises(ModelError, match="does not answer this request"):
            client.complete([ask(seed=3)])


def test_a_deck_is_dealt_by_seed(tmp_path):
    record = tmp_path / "r.jsonl"
    with Server([says("one"), says("two")]) as server, client_of(server, record) as client:
        client.complete([ask(seed=1)])
        client.complete([ask(seed=2)])
    with open_client(f"deck:{record}") as client:
        replies = client.complete([ask("other", seed=seed) for seed in (0, 1, 2, 7)])
    assert [reply.text for reply in replies] == ["one", "two", "one", "two"]


def test_the_papers_models_have_their_settings():
    few_shot = preset_of("openai:http://localhost:8000/v1#deepseek-ai/DeepSeek-Coder-7B")
    assert (few_shot.temperature, few_shot.top_k, few_shot.top_p) == (0.6, 50, 0.95)
    assert presets()["deepseek-r1-0528-qwen3-8b"].temperature == 0.8
    for name in presets():
        assert make_backend(name).kind in ("hf", "embedded")
