"""The engine of this machine: one warm process for each device, workers forked from them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import ClassVar

from lemur2.evaluation.engines.base import Engine
from lemur2.evaluation.workers import CandidateSandbox
from lemur2.quiet import cpus
from lemur2.sandbox import Sandbox


class LocalEngine(Engine):
    """Workers on this machine, each driven by a thread of this process.

    Several devices (`cuda:0,cuda:1`) share the workers: a job goes to the one with the fewest.
    """

    name: ClassVar[str] = "local"
    about: ClassVar[str] = "processes of this machine"

    def fitting(self) -> int:
        """One for each CPU that their threads leave, and one for each device at least."""
        return max(len(self._devices), cpus() // self.limits.threads)

    def open(self) -> None:
        """Start a warm process for each device."""
        with ExitStack() as stack:
            self._sandboxes: list[Sandbox] = [
                stack.enter_context(self._sandbox(device)) for device in self._devices
            ]
            self._open = stack.pop_all()
        self._busy: Counter[int] = Counter()
        self._choosing = threading.Lock()

    def close(self) -> None:
        """End them."""
        self._open.close()

    @contextmanager
    def sandbox(self) -> Iterator[Sandbox]:
        """That of the device that has the fewest jobs."""
        with self._choosing:
            index = min(range(len(self._sandboxes)), key=lambda each: (self._busy[each], each))
            self._busy[index] += 1
        try:
            yield self._sandboxes[index]
        finally:
            with self._choosing:
                self._busy[index] -= 1

    @property
    def _devices(self) -> list[str]:
        return self.limits.device.split(",")

    def _sandbox(self, device: str) -> Sandbox:
        return CandidateSandbox(replace(self.limits, device=device), unsafe=self.unsafe)
