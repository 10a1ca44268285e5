"""Local transformers models, with a LoRA adapter where one is named, in a child process.

The process that runs generators imports no torch, and must not: it forks the sandbox.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from lemur2.llm.backends.base import Backend, ModelError
from lemur2.llm.backends.embedded import fetch_model
from lemur2.llm.values import Message, ModelFacts, Reply, Request
from lemur2.quiet import QUIET, cpus

EMBEDDED = "embedded"
FOUR_BIT = "@4bit"


class HfBackend(Backend):
    """A causal language model by transformers.

    Requests of one call are answered in one batch; each is drawn by its own seed. What is beside a
    request in its batch changes roundings, and so, rarely, its text.

    Args:
        name: At the hub, a folder, a `.gguf` file, or `embedded` for the embedded model's file;
            `@4bit` at its end loads it in 4 bits (CUDA and bitsandbytes).
        adapter: Folder of a LoRA adapter, "" for none.
        batch: Requests in a batch: more are faster in all, and take more memory.
        threads: Of the CPU; None takes all.
    """

    kind: ClassVar[str] = "hf"

    def __init__(
        self, name: str, adapter: str = "", *, batch: int = 16, threads: int | None = None
    ) -> None:
        self.name, self.adapter, self.batch = name, adapter, batch
        self.threads = threads
        self._process: subprocess.Popen[str] | None = None
        self._facts: ModelFacts | None = None

    def open(self) -> None:
        """Start the process and have it load the model."""
        needed = ("torch", "transformers", *(("peft",) if self.adapter else ()))
        if any(find_spec(each) is None for each in needed):
            raise ModelError(
                f"--llm hf needs {' and '.join(needed)}; do `pip install 'lemur2[finetune,train]'`"
            )
        if self.adapter and not (Path(self.adapter) / "adapter_config.json").is_file():
            raise ModelError(f"there is no adapter in {self.adapter}; name its folder after the +")
        name, _, bits = self.name.partition(FOUR_BIT[0])
        if bits and f"@{bits}" != FOUR_BIT:
            raise ModelError(f"--llm hf:{self.name}: only {FOUR_BIT} is known after the name")
        model = str(fetch_model(say=self.say)) if name == EMBEDDED else name
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lemur2.llm.backends.hf_child"],
            env={**os.environ, **QUIET, "OMP_NUM_THREADS": str(self.threads or cpus())},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        told = {"model": model, "adapter": self.adapter, "four_bit": bool(bits)}
        self.say(f"loading {self.name}")
        self._facts = ModelFacts(**self._call("load", told), together=self.batch)

    @property
    def facts(self) -> ModelFacts:
        """What its configuration says."""
        assert self._facts is not None, "the backend is not open"
        return self._facts

    def count(self, messages: Sequence[Message]) -> int:
        """By its tokenizer, in its chat format."""
        tokens: int = self._call("count", {"messages": [asdict(each) for each in messages]})
        return tokens

    def complete(self, requests: Sequence[Request]) -> list[Reply]:
        """Answer them in one batch."""
        if any(request.sampling.grammar is not None for request in requests):
            raise ModelError("--llm hf takes no grammar; use --llm embedded, or none")
        asked = {"requests": [request.as_json() for request in requests]}
        self.say(f"{self.facts.model} writes {len(requests)} replies")
        return [Reply(**each) for each in self._call("complete", asked)]

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _call(self, what: str, told: Mapping[str, Any]) -> Any:
        assert self._process is not None, "the backend is not open"
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"do": what, **told}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self.close()
            raise ModelError(f"the process of {self.name} died; it may be short of memory")
        answer = json.loads(line)
        if "error" in answer:
            raise ModelError(f"{self.name}: {answer['error']}")
        return answer["ok"]
