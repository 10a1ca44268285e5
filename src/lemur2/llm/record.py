"""The record of a model: every request and reply, one JSON object a line, on disk as they come.

    {"kind": "model", "llm": "...", "facts": {...}}
    {"kind": "count", "llm": "...", "key": "...", "tokens": 1234}
    {"kind": "exchange", "llm": "...", "key": "...", "request": {...}, "reply": {...}}
    {"kind": "candidate", "name": "alt-nn1-...", "keys": ["...", "..."]}

`llm` is the model as `--llm` names it. Facts and counts are there so that a run can be replayed
where the model is not: prompts are fitted to a context by the model's own tokenizer.

A line is written whole and flushed to the disk before its reply is given to anyone. A torn last
line (the machine went down) is left behind, and what follows starts on a line of its own.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lemur2.errors import UserError
from lemur2.llm.values import Message, ModelFacts, Reply, Request, conversation_key


class Record:
    """A record file, read once when it is opened; made, with its folder, where it is not there.

    Safe for threads. Two processes may append to one file; each sees what was in it when it
    opened it.

    Args:
        path: The file.
        writable: False only reads it; nothing may be added then.

    Raises:
        UserError: It cannot be read or written, or is no record.
    """

    def __init__(self, path: Path, *, writable: bool = True) -> None:
        self.path = path
        self._replies: dict[tuple[str, str], Reply] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self._facts: dict[str, ModelFacts] = {}
        self._linked: set[str] = set()
        self._lock = threading.Lock()
        try:
            for line in read_lines(path) if path.exists() else ():
                self._take(line)
            if writable:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._end_torn_line()
            self._file = path.open("ab" if writable else "rb")
        except OSError as error:
            raise UserError(
                f"cannot keep the model's replies in {path}: {error.strerror}; "
                "choose another file with --record"
            ) from error

    def find(self, llm: str, request: Request) -> Reply | None:
        """What this model answered to an equal request; None where it was not asked."""
        return self._replies.get((llm, request.key))

    def add(self, llm: str, request: Request, reply: Reply) -> None:
        """Keep an exchange."""
        line = {
            "kind": "exchange",
            "llm": llm,
            "key": request.key,
            "request": request.as_json(),
            "reply": reply.as_json(),
        }
        with self._lock:
            self._replies[llm, request.key] = reply
            self._write(line)

    def models(self) -> list[str]:
        """The models that it has replies of."""
        return list(dict.fromkeys(llm for llm, _ in self._replies))

    def facts(self, llm: str) -> ModelFacts | None:
        """What is known of a model; None where nothing is."""
        return self._facts.get(llm)

    def add_facts(self, llm: str, facts: ModelFacts) -> None:
        """Keep what is known of a model."""
        with self._lock:
            self._facts[llm] = facts
            self._write({"kind": "model", "llm": llm, "facts": asdict(facts)})

    def count(self, llm: str, messages: Sequence[Message]) -> int | None:
        """The tokens of a prompt; None where they were not counted."""
        return self._counts.get((llm, conversation_key(messages)))

    def add_count(self, llm: str, messages: Sequence[Message], tokens: int) -> None:
        """Keep a count."""
        key = conversation_key(messages)
        with self._lock:
            self._counts[llm, key] = tokens
            self._write({"kind": "count", "llm": llm, "key": key, "tokens": tokens})

    def link(self, name: str, keys: Sequence[str]) -> None:
        """Note which exchanges gave a candidate. Noting it again changes nothing."""
        line = {"kind": "candidate", "name": name, "keys": list(keys)}
        mark = json.dumps(line)
        with self._lock:
            if mark not in self._linked:
                self._linked.add(mark)
                self._write(line)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _take(self, line: dict[str, Any]) -> None:
        if line["kind"] == "exchange":
            self._replies[line["llm"], line["key"]] = Reply(**line["reply"])
        elif line["kind"] == "count":
            self._counts[line["llm"], line["key"]] = line["tokens"]
        elif line["kind"] == "model":
            self._facts[line["llm"]] = ModelFacts(**line["facts"])
        elif line["kind"] == "candidate":
            self._linked.add(json.dumps(line))

    def _end_torn_line(self) -> None:
        with self.path.open("a+b") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.write(b"\n")

    def _write(self, line: dict[str, Any]) -> None:
        # ASCII escapes: a model may give lone surrogates, which UTF-8 cannot hold.
        try:
            self._file.write(json.dumps(line).encode("ascii") + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise UserError(
                f"cannot write to {self.path}: {error.strerror}; make room and run again: "
                "what was answered until now is kept"
            ) from error


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a record; torn ones are left out.

    Raises:
        OSError: It cannot be read.
        UserError: It is no record.
    """
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            try:
                line = json.loads(raw)
            except ValueError:
                if number == 1 and raw.endswith(b"\n"):
                    raise UserError(f"{path} is no record of a model; name another file") from None
                continue
            if not isinstance(line, dict) or "kind" not in line:
                raise UserError(f"{path} is no record of a model; name another file")
            yield line


def exchanges(path: Path) -> Iterator[tuple[str, Request, Reply]]:
    """What a record holds, in the order of its lines: model, request, reply.

    Raises:
        UserError: It cannot be read, or is no record.
    """
    try:
        for line in read_lines(path):
            if line["kind"] == "exchange":
                yield line["llm"], Request.from_json(line["request"]), Reply(**line["reply"])
    except OSError as error:
        raise UserError(f"cannot read the record {path}: {error.strerror}") from error
