"""Messages of a worker: bounded by what was asked for, whatever their heads announce."""

import json
import os
import socket
import struct
import tracemalloc

import numpy as np
import pytest

from lemur2.architecture import Refusal, Verdict
from lemur2.evaluation.jobs import Screen
from lemur2.evaluation.jobs.block import read_validation
from lemur2.evaluation.jobs.judge import VERDICTS
from lemur2.evaluation.jobs.settings import read_settings
from lemur2.evaluation.jobs.train import read_diagnostics, read_hyperparameters
from lemur2.evaluation.trace import Trace
from lemur2.generators.mutation.soundness import check
from lemur2.sandbox import Awaited
from lemur2.sandbox.channel import KEY_BYTES, Channel, ChannelClosed, Forged

KEY = b"k" * KEY_BYTES
GIB = 1 << 30


def head(json_size: int, array_size: int = 0) -> bytes:
    return struct.pack(f">{KEY_BYTES}sIQ", KEY, json_size, array_size)


def message(value: object, array_size: int = 0) -> bytes:
    body = json.dumps(value).encode()
    return head(len(body), array_size) + body


def received(data: bytes, awaited: Awaited) -> tuple[dict, list[np.ndarray]]:
    """What a channel makes of bytes, after which the other side is gone."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            theirs.sendall(data)
        return Channel(ours.fileno(), KEY).receive(awaited=awaited)


def test_what_was_asked_for_arrives():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        array = np.arange(6, dtype=np.float32).reshape(2, 3)
        Channel(theirs.fileno(), KEY).send({"a": 1}, [array])
        awaited = Awaited(arrays=(("float32", (2, 3)),))
        found, arrays = Channel(ours.fileno(), KEY).receive(awaited=awaited)
    assert found == {"a": 1}
    assert np.array_equal(arrays[0], array)


@pytest.mark.parametrize(
    ("data", "awaited"),
    [
        (message({"arrays": [["uint8", [6 * GIB]]]}, 6 * GIB), (("uint8", (6 * GIB,)),)),
        (head(1 << 20), ()),
        (message({"arrays": [["float64", [1 << 40]]]}, 8 << 40), None),
    ],
)
def test_announcing_gigabytes_takes_no_memory(data, awaited):
    tracemalloc.start()
    try:
        with pytest.raises(ChannelClosed):
            received(data, Awaited(arrays=awaited, array_bytes=1 << 50))
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


FORGED = {
    "arrays where none were asked for": message({"arrays": [["uint8", [6 * GIB]]]}, 6 * GIB),
    "a head that is too large": head((1 << 20) + 1),
    "another key": b"x" * KEY_BYTES + head(2)[KEY_BYTES:] + b"{}",
    "arrays that do not add up": message({"arrays": []}, 8),
    "no object": message([1, 2]),
    "no list of arrays": message({"a": 1}),
    "deeply nested": head(200_000) + b"[" * 200_000,
    "no JSON": head(2) + b"\xff\xfe",
    "a number of 10,000 digits": head(10_000) + b"9" * 10_000,
    "a dtype that holds objects": message({"arrays": [["object", [1]]]}, 8),
    "a dtype that is none": message({"arrays": [[["uint8"], [1]]]}, 1),
    "a negative side": message({"arrays": [["uint8", [-1]]]}),
    "a side that is no number": message({"arrays": [["uint8", ["1"]]]}, 1),
    "a side without end": message({"arrays": [["uint8", [0, 10**30]]]}),
}


@pytest.mark.parametrize("case", FORGED)
def test_anything_else_is_forged(case):
    with pytest.raises(Forged):
        received(FORGED[case], Awaited())


@pytest.mark.parametrize(
    "arrays",
    [
        [["uint8", [0] * 100]],  # more axes than an array has
        [["uint8", [5]]],
        [["uint8", [2]], ["uint8", [2]]],
    ],
)
def test_arrays_that_only_the_worker_knows_are_bounded_too(arrays):
    size = sum(np.prod(shape, dtype=int) for _, shape in arrays)
    data = message({"arrays": arrays}, int(size)) + b"\0" * int(size)
    with pytest.raises(Forged):
        received(data, Awaited(arrays=None, array_bytes=3))


SOURCE = "one\ntwo\nthree\n"


SCREENING = Screen(source=SOURCE, task="img-classification").awaited


def refused(awaited: Awaited = SCREENING, **report: object) -> Refusal:
    return awaited.refusal({"verdict": "build", "reason": "no", "line": None, **report})


@pytest.mark.parametrize("verdict", ["ok", "duplicate", "timeout", "train", "splendid", None, [1]])
def test_a_worker_gives_only_verdicts_of_its_stage(verdict):
    assert refused(verdict=verdict).verdict is Verdict.FORBIDDEN


@pytest.mark.parametrize("verdict", ["train", "diverged", "memory", "crash", "forbidden", "import"])
def test_a_training_may_end_in_what_trainings_end_in(verdict):
    assert refused(Awaited(verdicts=VERDICTS), verdict=verdict).verdict == verdict


@pytest.mark.parametrize("report", [None, 3, [], "ok", {}, {"verdict": "build"}])
def test_a_refusal_that_cannot_be_read_is_forbidden(report):
    assert SCREENING.refusal(report).verdict is Verdict.FORBIDDEN


@pytest.mark.parametrize(
    ("line", "kept"),
    [(1, 1), (3, 3), (4, None), (0, None), (10**30, None), (True, None), (1.5, None), ("2", None)],
)
def test_a_line_is_one_of_the_source(line, kept):
    assert refused(line=line).line == kept


def test_a_reason_is_one_printable_line():
    told = refused(reason="a\n\x1b[2Jb\ud800" + "c" * 10_000, remedy="\x07" * 10_000)
    assert told.reason.startswith("a \\x1b[2Jb\\ud800ccc")
    assert len(told.reason) == 500
    assert len(told.remedy) == 200
    assert str(told).isprintable()
    assert refused(reason=["a"]).verdict is Verdict.FORBIDDEN


FACTS = {
    "input_size": 32,
    "sample_shape": [3, 32, 32],
    "outputs": [10],
    "parameters": 5,
    "flops": None,
    "memory": 1,
    "structure_digest": "ab",
    "notes": [],
}


def facts(reply, seconds):
    return Screen.example(SOURCE).report(reply, seconds).facts


def test_facts_are_the_workers_but_for_the_time():
    found = facts({"facts": {**FACTS, "seconds": 9e9, "other": 1}}, 0.5)
    assert found.seconds == 0.5
    assert found.sample_shape == (3, 32, 32)


def test_notes_are_few_printable_lines():
    found = facts({"facts": {**FACTS, "notes": ["\x1b[2J" + "n" * 999] * 99_999}}, 0)
    assert len(found.notes) <= 20
    assert all(note.isprintable() and len(note) <= 300 for note in found.notes)


def deep(levels: int) -> list:
    found: list = []
    for _ in range(levels):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("read", "reply"),
    [
        *(
            (lambda reply: facts(reply, 0), {"facts": {**FACTS, **wrong}})
            for wrong in (
                {"parameters": -1},
                {"parameters": "5"},
                {"parameters": True},
                {"memory": float("inf")},
                {"sample_shape": [1] * 99},
                {"sample_shape": "333"},
                {"structure_digest": "../x"},
                {"structure_digest": 5},
                {"notes": "abc"},
            )
        ),
        (read_hyperparameters, {"prm": {"\x1b[2J": 1}}),
        (read_hyperparameters, {"prm": {"\ud800": 1}}),
        (read_hyperparameters, {"prm": {"a" * 65: 1}}),
        (read_hyperparameters, {"prm": {f"a{n}": 1 for n in range(300_000)}}),
        (read_hyperparameters, {"prm": {"lr": deep(900)}}),
        (read_diagnostics, {"diagnostics": {"\x1b[2J": 1}}),
        (read_diagnostics, {"diagnostics": {f"a{n}": 1 for n in range(300_000)}}),
        (read_settings, {"settings": {"A": {"a": deep(900)}}}),
        (read_settings, {"settings": {"A, x=__import__('os')": {}}}),
        (read_settings, {"settings": {"A": {"a": 10**40}}}),
        (read_settings, {"settings": [1]}),
        (lambda reply: read_validation(reply, 0), {"stage": "splendid"}),
        (
            lambda reply: read_validation(reply, 0),
            {
                "block": {
                    "stage": "built",
                    "reason": "",
                    "arguments": {"a": "1\n\x1b"},
                    "inputs": {},
                }
            },
        ),
    ],
)
def test_reports_that_are_none_are_forbidden(read, reply):
    with pytest.raises(Refusal) as caught:
        read(reply)
    assert caught.value.verdict is Verdict.FORBIDDEN


TRACE = {
    "size": 32,
    "nodes": [["lit", 0]],
    "values": [8],
    "sites": [["lit", 1, 0, 1, 3, 1, 1]],
    "equal": [],
    "conditions": [],
    "modules": [],
    "functions": [],
    "names": {},
    "unknown": {},
}


MODULE = {
    "name": "conv",
    "class": "torch.nn.modules.conv.Conv2d",
    "read": False,
    "stack": [],
    "arguments": {},
    "parameters": {},
    "order": 0,
    "calls": 1,
    "inputs": [],
    "outputs": [],
}


def test_a_sound_trace_is_let_through():
    check(Trace.read(TRACE), SOURCE)
    check(Trace.read({**TRACE, "values": [float("-inf")]}), SOURCE)  # masks with it


@pytest.mark.parametrize(
    "wrong",
    [
        {"sites": [["lit", 99, 0, 99, 1, 1, 1]]},
        {"sites": [["lit", 1, -5, 1, 1, 1, 1]]},
        {"sites": [["lit", 2, 0, 1, 0, 1, 1]]},
        {"sites": [["lit", float("inf"), 0, 1, 0, 1, 1]]},
        {"functions": [["relu", 7, 0, 7, 1]]},
        {"values": [float("nan")], "modules": [{**MODULE, "inputs": [[0]]}]},
        {"values": [float("inf")], "modules": [{**MODULE, "arguments": {"kernel_size": 0}}]},
        {"values": [10**40]},
        {"nodes": [["lit", 0], ["lshift", 0, 0]], "values": [10**9, 1]},
        {"nodes": [["const", 10**40]]},
        {
            "nodes": [["lit", 0]] * 200_000,
            "values": [1] * 200_000,
            "sites": TRACE["sites"] * 19_000,
        },
        {"sites": TRACE["sites"] * 20_001},
        {"modules": deep(900)},
    ],
)
def test_a_trace_that_no_file_has_is_forbidden(wrong):
    with pytest.raises(Refusal) as caught:
        check(Trace.read({**TRACE, **wrong}), SOURCE)
    assert caught.value.verdict is Verdict.FORBIDDEN


def test_the_worker_takes_what_its_parent_sends():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        os.set_blocking(ours.fileno(), True)
        Channel(ours.fileno(), KEY).send({"source": "x"}, [np.zeros(3, np.uint8)])
        found, arrays = Channel(theirs.fileno(), KEY).receive()
    assert found == {"source": "x"}
    assert arrays[0].shape == (3,)
