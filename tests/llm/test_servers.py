"""Servers that misbehave, for real, on 127.0.0.1: each reply has its end, and its reason."""

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from server import MODEL, Server, answer, begin, event, refuse, says, streams

from lemur2.errors import UserError
from lemur2.llm import Client, Message, ModelError, Request, check_server, remember_server
from lemur2.llm.backends import guard, openai
from lemur2.llm.backends.openai import OpenAIBackend, ReplyLimits, asked_to_wait
from lemur2.llm.client import Persistence

ONCE = Persistence(attempts=1)
QUICK = ReplyLimits(seconds=1.0, silence=0.5)
DONE = b"data: [DONE]\n\n"


def complete(step, **settings):
    with Server([step]) as server:
        backend = OpenAIBackend(server.url, MODEL, **settings)
        with Client(backend, persistence=ONCE) as client:
            return client.complete([Request(messages=(Message("user", "hello"),))])[0]


def chunk(**changes):
    usual = {"model": MODEL, "choices": [{"delta": {"content": "yes"}, "finish_reason": "stop"}]}
    return b"data: " + json.dumps({**usual, **changes}).encode() + b"\n\n"


def goes_on(*parts, head=begin, pause=0.02):
    """Sends the parts over and over, slowly, until nobody listens."""

    def step(handler):
        head(handler)
        while True:
            for part in parts:
                handler.wfile.write(part)
                handler.wfile.flush()
                time.sleep(pause)

    return step


def drips_head(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        handler.wfile.write(b"x")
        time.sleep(0.02)


@pytest.mark.parametrize(
    "step",
    [
        goes_on(b": keep-alive\n\n"),
        goes_on(b"\n"),
        goes_on(b"d"),
        goes_on(b"event: ping\n", b"retry: 1\n"),
        drips_head,
    ],
)
def test_a_server_that_only_keeps_the_connection_up(step):
    with pytest.raises(ModelError, match=r"keeps the connection up and says nothing for 0 s"):
        complete(step, limits=QUICK)


def test_a_reply_that_comes_too_slowly_is_cut():
    reply = complete(goes_on(event("la "), pause=0.1), limits=QUICK)
    assert reply.finish == "cut"
    assert reply.text.startswith("la la ")


def test_thoughts_without_an_end_are_cut_as_words_are():
    limits = ReplyLimits(characters=300, seconds=30.0)
    reply = complete(goes_on(event(reasoning="hm "), pause=0), limits=limits)
    assert (reply.finish, reply.text) == ("cut", "")
    assert len(reply.reasoning) == 303


def test_silence_after_some_words_is_a_cut_too():
    def step(handler):
        goes_on(b": still here\n\n", head=lambda h: (begin(h), h.wfile.write(event("la"))))(handler)

    reply = complete(step, limits=QUICK)
    assert (reply.finish, reply.text) == ("cut", "la")


def test_a_line_without_an_end(monkeypatch):
    monkeypatch.setattr(guard, "_LINE", 1 << 16)
    with pytest.raises(UserError, match="the server sends a line of over 0 MB"):
        complete(goes_on(b"x" * 4096, pause=0))


def test_a_reply_without_an_end(monkeypatch):
    monkeypatch.setattr(openai, "_SIZE", 1 << 16)
    with pytest.raises(UserError, match="the server sends more than 0 MB"):
        complete(goes_on(b": " + b"x" * 1000 + b"\n\n", pause=0))


def test_an_error_page_without_an_end(monkeypatch):
    monkeypatch.setattr(openai, "_SIZE", 1 << 16)

    def head(handler):
        handler.send_response(500)
        handler.end_headers()
        handler.close_connection = True

    with pytest.raises(UserError, match="the server sends more than 0 MB"):
        complete(goes_on(b"oops\n" * 100, head=head, pause=0))


def test_a_packed_reply():
    def step(handler):
        answer(handler, 200, gzip.compress(b"0" * (1 << 20)), [("Content-Encoding", "gzip")])

    with pytest.raises(UserError, match=r"the reply is packed \(gzip\), which was not asked for"):
        complete(step)


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        (None, None),
        ("many", None),
        ([1, 2], None),
        ({"prompt_tokens": None, "completion_tokens": 3}, None),
        ({"prompt_tokens": "7", "completion_tokens": 3}, None),
        ({"prompt_tokens": -7, "completion_tokens": 3}, None),
        ({"prompt_tokens": True, "completion_tokens": 3}, None),
        ({"prompt_tokens": 1e308, "completion_tokens": 3}, None),
        ({"prompt_tokens": 7, "completion_tokens": 3}, (7, 3)),
    ],
)
def test_counts_of_any_kind(usage, counted):
    reply = complete(streams(chunk(usage=usage), DONE))
    assert reply.estimated == (counted is None)
    assert (reply.prompt_tokens, reply.completion_tokens) == (counted or (9, 1))


def test_a_content_in_parts_is_joined():
    parts = [{"type": "text", "text": "ye"}, {"type": "refusal"}, {"type": "text", "text": "s"}]
    choices = [{"delta": {"content": parts}, "finish_reason": "stop"}]
    assert complete(streams(chunk(choices=choices), DONE)).text == "yes"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"choices": "none"}, "choices that are no list"),
        ({"choices": {"a": 1}}, "choices that are no list"),
        ({"choices": [7]}, "a choice that is no object"),
        ({"choices": [{"delta": "yes"}]}, "a delta that is no object"),
        ({"choices": [{"delta": {"content": 7}}]}, "a content that is no text"),
        ({"choices": [{"delta": {"content": ["a"]}}]}, "a part of the content that is no object"),
        ({"choices": [{"delta": {"content": [{"type": "text", "text": 7}]}}]}, "no text"),
        ({"choices": [{"delta": {"reasoning_content": {}}}]}, "a content that is no text"),
        ({"choices": []}, "the reply broke off"),
        ({"choices": None}, "the reply broke off"),
    ],
)
def test_events_of_any_kind(changes, reason):
    with pytest.raises(UserError, match=reason) as caught:
        complete(streams(chunk(**changes), DONE))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"data: " + b"[" * 100_000 + b"\n\n", "JSON that is nested too deeply"),
        (b"data: \xff\xfe\n\n", "no valid reply"),
        (b"data: 7\n\n", "an event that is no object"),
        (b"data: " + b"9" * 5000 + b"\n\n", "no valid reply"),
    ],
)
def test_data_of_any_kind(data, reason):
    with pytest.raises(UserError, match=reason):
        complete(streams(data, DONE))


def test_another_type_of_content():
    with pytest.raises(UserError, match="it is application/json, and not a stream of events"):
        complete(lambda handler: answer(handler, 200, {"choices": []}))


def test_an_error_that_is_nested_too_deeply():
    with pytest.raises(UserError, match="failed 1 times"):
        complete(lambda handler: answer(handler, 500, b"[" * 100_000))


@pytest.mark.parametrize("place", ["file:///etc/passwd", "http://127.0.0.1:1/v1", "//x", "\x1b[2J"])
def test_nobody_is_sent_elsewhere(place):
    def step(handler):
        answer(handler, 307, b"", [("Location", place)])

    with pytest.raises(ModelError, match=r"sends us on to .*give it as the address"):
        complete(step)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        ("-5", 0.0),
        ("inf", 1e9),
        ("1e12", 1e9),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("Thu, 01 Jan 1970 00:02:00 GMT", 20.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        ("Thu, 99 Jan 1970 00:00:01 GMT", None),
    ],
)
def test_how_long_a_server_asks_to_wait(value, seconds):
    assert asked_to_wait({"retry-after": value}, lambda: 100.0) == seconds


@pytest.mark.parametrize("value", ["inf", "1e12", "3600"])
def test_a_pause_that_is_too_long_ends_it(value):
    with pytest.raises(ModelError, match=r"asks for a pause of [\d,]+ s .*is kept"):
        complete(refuse(429, "slow down", retry_after=value))


@pytest.mark.parametrize(
    "page",
    [
        {"data": None},
        {"data": "x"},
        [],
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_lists_of_models_of_any_kind(page):
    with Server(listing=lambda handler: answer(handler, 200, page)) as server:
        with pytest.raises(ModelError, match="is no OpenAI-compatible API"):
            OpenAIBackend(server.url, MODEL).open()


def test_odd_entries_in_a_list_of_models():
    listed = {"data": [7, {"id": None}, {"id": MODEL, "meta": "x", "max_model_len": "long"}]}
    with Server(listing=lambda handler: answer(handler, 200, listed)) as server:
        backend = OpenAIBackend(server.url)
        backend.open()
        assert (backend.facts.model, backend.facts.context) == (MODEL, None)
        backend.close()


@pytest.mark.parametrize("model", [MODEL, ""])
def test_an_address_without_its_version(model):
    missing = refuse(404, "Not Found")
    with Server([missing], listing=missing) as server:
        address = server.url.removesuffix("/v1")
        with Client(OpenAIBackend(address, model), persistence=ONCE) as client:
            with pytest.raises(ModelError, match=f"did you mean {server.url}\\?"):
                client.complete([Request(messages=(Message("user", "hello"),))])


def test_an_interrupt_is_obeyed_while_a_server_is_silent(tmp_path):
    asked = threading.Event()

    def step(handler):
        asked.set()
        goes_on(b": keep-alive\n\n")(handler)

    with Server([step]) as server:
        command = ["generate", "fewshot", "-n", "1", "--out", "nets"]
        process = subprocess.Popen(
            [sys.executable, "-m", "lemur2", *command, "--llm", f"openai:{server.url}#{MODEL}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd=tmp_path, env={**os.environ, "LEMUR2_LLM_KEY": "x"},
        )  # fmt: skip
        assert asked.wait(60)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said.strip().endswith("lemur2: error: interrupted")


def test_what_was_counted_by_a_server_that_has_gone():
    with Server([says("x")], llamacpp=True) as server:
        backend = OpenAIBackend(server.url, MODEL)
        backend.open()
    with pytest.raises(ModelError, match="does not answer"):
        backend.count([Message("user", "hello")])
    backend.close()


def test_a_stored_config_sends_no_key_to_a_server_that_nobody_named(tmp_path, monkeypatch):
    monkeypatch.setenv("LEMUR2_CACHE", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.delenv("LEMUR2_LLM_KEY", raising=False)
    spec = "openai:https://models.example:8443/v1#m"
    with pytest.raises(UserError, match=r"https://models.example:8443, which nobody named") as told:
        check_server(spec, 3)
    assert "secret" not in str(told.value)
    for harmless in ("embedded", "hf:a/b", "openai:http://localhost:8000/v1#m"):
        check_server(harmless, 3)
    remember_server("openai:https://other.example/v1#m")
    with pytest.raises(UserError, match="run 3"):
        check_server(spec, 3)
    remember_server(spec)
    check_server("openai:https://models.example:8443/v2#another", 3)
    with pytest.raises(UserError, match=r"http://models.example:8443"):  # not encrypted
        check_server("openai:http://models.example:8443/v1#m", 3)
    monkeypatch.delenv("OPENAI_API_KEY")
    check_server("openai:https://third.example/v1#m", 3)
