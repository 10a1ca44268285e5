"""The parent's side: start the warm process, run jobs in workers, tell how each one ended."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from lemur2.architecture import Refusal, Verdict
from lemur2.errors import UserError
from lemur2.evaluation.protocol import MIB, Limits
from lemur2.evaluation.sandbox.channel import (
    KEY_BYTES,
    Channel,
    ChannelClosed,
    Forged,
    Late,
    Message,
)
from lemur2.evaluation.sandbox.isolation import UNPROTECTED_EXIT, Cell
from lemur2.evaluation.sandbox.report import report
from lemur2.quiet import QUIET

_POLL_SECONDS = 0.05
_KEPT_OUTPUT = 8192
_START_SECONDS = 300.0


@dataclass(frozen=True)
class Exit:
    """How a worker ended: its exit code (negative: the signal), peak memory, CPU seconds."""

    code: int
    memory: int
    cpu: float


class Sandbox:
    """A warm process and the workers that it forks. Thread-safe; a context manager.

    Args:
        limits: What each worker may use.
        unsafe: Run candidates without isolation.
        namespaces: Add an empty network and its own IPC where unprivileged namespaces are
            allowed. Nothing rests on it.

    Raises:
        UserError: On entering, where isolation cannot be had and `unsafe` was not asked for.
    """

    def __init__(
        self, limits: Limits | None = None, *, unsafe: bool = False, namespaces: bool = True
    ) -> None:
        self.limits = limits or Limits()
        self.unsafe = unsafe
        self.namespaces = namespaces
        self.base_memory = 0
        self._jobs = count(1)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._scratch = Path()

    def __enter__(self) -> Sandbox:
        lacking = [] if self.unsafe else [each for each in report() if not each.holds]
        if lacking:
            raise UserError(
                f"this machine cannot isolate candidates: {lacking[0].name} ({lacking[0].note}); "
                "mend that, or accept the risk with --unsafe"
            )
        for package in ("torch", "torchvision"):
            if find_spec(package) is None:
                raise UserError(
                    f"{package} is not installed, which evaluating networks takes; "
                    "run: pip install 'lemur2[train]'"
                )
        with self._lock:
            self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._stop()

    @contextlib.contextmanager
    def worker(self, maps: Mapping[str, Path] | None = None) -> Iterator[Worker]:
        """Fork a worker that has the given arrays mapped; it is gone when the block ends.

        Raises:
            Refusal: From within the block's calls, when the worker ends before its job does.
        """
        worker = Worker(self, next(self._jobs))
        try:
            worker.start({name: str(path) for name, path in (maps or {}).items()})
            yield worker
        finally:
            worker.end()

    def scratch(self) -> Path:
        """A new empty folder for a worker. Starts the warm process again where it died."""
        with self._lock:
            if self._process is not None and self._process.poll() is not None:
                self._stop()
                self._start()
        folder = self._scratch / secrets.token_hex(16)
        folder.mkdir(mode=0o700)
        return folder

    def command(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Tell the warm process something.

        Where it just died, nothing is told: the worker's channel is closed, and that is how it
        is found out.
        """
        with self._lock, contextlib.suppress(OSError):
            if self._control is not None:
                socket.send_fds(self._control, [json.dumps(message).encode()], descriptors)

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "lemur2.evaluation.sandbox.warm"),
                    *(str(theirs.fileno()), self.limits.device),
                    *(["--namespaces"] if self.namespaces else []),
                ],
                pass_fds=[theirs.fileno()],
                env=_environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._control = ours
        ours.settimeout(_START_SECONDS)
        hello = ours.recv(4096)
        ours.settimeout(None)
        if not hello:
            code = self._process.wait()
            raise UserError(
                f"the warm process did not start (exit code {code}); "
                f"see whether `{sys.executable} -c 'import torch, torchvision'` works"
            )
        ready = json.loads(hello)
        self.base_memory, self._scratch = ready["memory"], Path(ready["scratch"])
        device = self.limits.device
        if device != "cpu" and int(device.partition(":")[2] or 0) >= ready["gpus"]:
            self._stop()
            raise UserError(
                f"torch finds no device {device} on this machine (GPUs: {ready['gpus']}); use "
                "--device cpu, or install a torch that fits the driver"
            )

    def _stop(self) -> None:
        if self._process is None or self._control is None:
            return
        self._control.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        if self._scratch.is_absolute():  # its folder, if it could not remove that itself
            shutil.rmtree(self._scratch.parent, ignore_errors=True)


class Worker:
    """One forked worker, as the parent sees it. Driven by one thread.

    Every call that waits watches the worker meanwhile: what it prints, what it writes, how long
    it takes. When it dies or breaks a bound, the call raises the Refusal that says so.
    """

    def __init__(self, sandbox: Sandbox, job: int) -> None:
        self._sandbox = sandbox
        self._limits = sandbox.limits
        self._job = job
        self._scratch = sandbox.scratch()
        self._socket, self._far_socket = socket.socketpair()
        self._socket.setblocking(False)
        self._output, self._far_output = os.pipe()
        os.set_blocking(self._output, False)
        self._status, self._far_status = os.pipe()
        self._printed = 0
        self._tail = b""
        self._looked = 0.0
        self._exit: Exit | None = None
        key = secrets.token_bytes(KEY_BYTES)
        self._socket.send(key)
        self._channel = Channel(self._socket.fileno(), key, wait=self._watch)

    @property
    def output(self) -> str:
        """The last few KiB that the worker printed."""
        return self._tail.decode(errors="replace")

    def start(self, maps: Mapping[str, str]) -> None:
        """Have the warm process fork it."""
        message = {
            "run": self._job,
            "cell": asdict(self._cell()),
            "maps": dict(maps),
            "memory": self._limits.memory,
            "threads": self._limits.threads,
            "unsafe": self._sandbox.unsafe,
        }
        far = (self._far_socket.fileno(), self._far_output, self._far_status)
        try:
            self._sandbox.command(message, far)
        finally:
            self._far_socket.close()
            os.close(self._far_output)
            os.close(self._far_status)

    def _cell(self) -> Cell:
        return Cell(
            scratch=str(self._scratch),
            memory=self._limits.memory if self._limits.device == "cpu" else 0,
            file_size=self._limits.scratch,
            gpu=self._limits.device != "cpu",
        )

    def send(
        self,
        head: Mapping[str, Any],
        arrays: Sequence[np.ndarray] = (),
        *,
        deadline: float | None = None,
    ) -> None:
        """Send a message; see `Channel.send`. Raises Refusal."""
        with self._refusals():
            self._channel.send(head, arrays, deadline)

    def receive(self, *, deadline: float | None = None) -> tuple[Message, list[np.ndarray]]:
        """The worker's next message. A refusal that the worker reports is raised, too."""
        with self._refusals():
            head, arrays = self._channel.receive(deadline)
        if "refused" in head:
            raise _reported(head["refused"])
        return head, arrays

    def end(self) -> None:
        """Make sure that it is gone, and its scratch folder with it."""
        if self._exit is None:
            self._sandbox.command({"kill": self._job})
            self._exit = self._await_exit()
        for descriptor in (self._output, self._status):
            os.close(descriptor)
        self._socket.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    @contextlib.contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except Late:
            raise Refusal(Verdict.TIMEOUT, "the time limit was reached") from None
        except Forged as error:
            raise Refusal(
                Verdict.FORBIDDEN, f"wrote to the worker's own channel: {error}"
            ) from None
        except ChannelClosed:
            self._exit = self._await_exit()
            raise self._death(self._exit) from None

    def _watch(self, event: int, deadline: float | None) -> None:
        """Wait for the channel, and look after the worker meanwhile."""
        poller = select.poll()
        poller.register(self._socket.fileno(), event)
        poller.register(self._output, select.POLLIN)
        while True:
            ready = poller.poll(_POLL_SECONDS * 1000)
            now = time.monotonic()
            if deadline is not None and now > deadline:
                raise Late
            self._look(now, {descriptor for descriptor, _ in ready}, poller)
            if any(descriptor == self._socket.fileno() for descriptor, _ in ready):
                return

    def _look(self, now: float, ready: set[int], poller: select.poll) -> None:
        if self._output in ready and not self._drain():
            poller.unregister(self._output)
        if self._printed > self._limits.output:
            limit = f"{self._limits.output / MIB:g} MiB"
            raise Refusal(Verdict.FORBIDDEN, f"printed more than the limit of {limit}")
        if now - self._looked > _POLL_SECONDS:
            self._looked = now
            if _size(self._scratch) > self._limits.scratch:
                limit = f"{self._limits.scratch / MIB:g} MiB"
                raise Refusal(Verdict.FORBIDDEN, f"wrote more than the limit of {limit} to disk")

    def _drain(self) -> bool:
        """Take what was printed; False at the end of it."""
        try:
            data = os.read(self._output, 1 << 16)
        except BlockingIOError:
            return True
        self._printed += len(data)
        self._tail = (self._tail + data)[-_KEPT_OUTPUT:]
        return bool(data)

    def _await_exit(self) -> Exit | None:
        """Its exit; None where the warm process died with it."""
        data = b""
        while chunk := os.read(self._status, 4096):
            data += chunk
        with contextlib.suppress(OSError):
            while self._drain() and self._printed <= self._limits.output:
                pass
        return Exit(**json.loads(data)) if data else None

    def _death(self, end: Exit | None) -> Refusal:
        if end is None:
            return Refusal(Verdict.CRASH, "the warm process died with it")
        if end.code == UNPROTECTED_EXIT:
            raise UserError(
                f"the worker could not be isolated ({self.output.strip()}); "
                "see `lemur2 doctor`, or accept the risk with --unsafe"
            )
        added = end.memory - self._sandbox.base_memory
        if end.code < 0 and added > 0.8 * self._limits.memory:
            return Refusal(Verdict.MEMORY, f"killed with {added / MIB:.0f} MiB in use")
        how = f"signal {-end.code}" if end.code < 0 else f"exit code {end.code}"
        return Refusal(Verdict.CRASH, f"the worker ended without reporting ({how})")


def _reported(report: Mapping[str, Any]) -> Refusal:
    try:
        line = report.get("line")
        return Refusal(
            Verdict(report["verdict"]),
            str(report["reason"])[:500],
            int(line) if line is not None else None,
            str(report.get("remedy", ""))[:200],
        )
    except (KeyError, ValueError, TypeError, AttributeError):
        return Refusal(Verdict.FORBIDDEN, "wrote to the worker's own channel")


def _size(folder: Path) -> int:
    """Bytes under a folder, as the disk sees them."""
    total = 0
    for base, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(base, name)).st_blocks * 512
    return total


def _environment() -> dict[str, str]:
    """The warm process's environment: nothing of the user's but what finds the package."""
    source = str(Path(__file__).parents[3])
    environment = {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONPATH": source,
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        **QUIET,
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # asks whether there is a GPU without touching it
    }
    kept = (
        "TMPDIR",
        "LD_LIBRARY_PATH",
        "CUDA_VISIBLE_DEVICES",
        "OPENBLAS_CORETYPE",
        "OPENBLAS_L2_SIZE",
    )
    environment.update({name: os.environ[name] for name in kept if name in os.environ})
    return environment
