"""The parent's side: start the warm process, run jobs in workers, tell how each one ended."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
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
from typing import Any, ClassVar

import numpy as np

from lemur2.architecture import Refusal, Verdict
from lemur2.cache import cache_root
from lemur2.errors import UserError
from lemur2.quiet import QUIET
from lemur2.sandbox import scratch
from lemur2.sandbox.again import WarmProcessDied
from lemur2.sandbox.awaited import Awaited
from lemur2.sandbox.channel import (
    KEY_BYTES,
    Channel,
    ChannelClosed,
    Forged,
    Late,
    Message,
)
from lemur2.sandbox.isolation import UNPROTECTED_EXIT, Cell
from lemur2.sandbox.limits import MIB, Limits
from lemur2.sandbox.output import Hear, Output
from lemur2.sandbox.report import check_temporary_folder, report
from lemur2.texts import one_line

_POLL_SECONDS = 0.05
_READ_BYTES = 1 << 16
_PIPE_BYTES = 1 << 20
_START_SECONDS = 300.0
_EXIT_SECONDS = 60.0  # for the kernel to end a process that was killed
_QUOTED = 300  # characters of a crashed worker's output that its reason holds


@dataclass(frozen=True)
class Exit:
    """How a worker ended: its exit code (negative: the signal), peak memory, CPU seconds.

    `held` says that it was killed for holding too much in files that it had removed.
    """

    code: int
    memory: int
    cpu: float
    held: bool = False


class Sandbox:
    """A warm process and the workers that it forks. Thread-safe; a context manager.

    It runs jobs and tells how each ended; what a job is, the module `work` knows, which the warm
    process imports (`warm.Work`). Subclass it to name one.

    Args:
        limits: What each worker may use.
        unsafe: Run candidates without isolation.
        namespaces: Add an empty network, its own IPC and scratch folders of their own where
            unprivileged namespaces are allowed. Nothing rests on it.
        landlock: Use Landlock as if the kernel had no newer version of it; None for all it has.

    Raises:
        UserError: On entering, where isolation cannot be had and `unsafe` was not asked for.
    """

    work: ClassVar[str]  # dotted name of the module

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        unsafe: bool = False,
        namespaces: bool = True,
        landlock: int | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.unsafe = unsafe
        self.namespaces = namespaces
        self.landlock = landlock
        self.base_memory = 0
        self._surroundings: Mapping[str, Any] = {}
        self._jobs = count(1)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._scratch = Path()

    @property
    def environment(self) -> dict[str, Any]:
        """What a result of its workers may depend on: versions, machine, device, threads."""
        used = {"device": self.limits.device, "threads": self.limits.threads}
        return {**self._surroundings, **used}

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
        check_temporary_folder()
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
    def worker(
        self, maps: Mapping[str, Path] | None = None, on_output: Hear | None = None
    ) -> Iterator[Worker]:
        """Fork a worker that has the given arrays mapped; it is gone when the block ends.

        `on_output` hears what it prints, as it comes.

        Raises:
            Refusal: From within the block's calls, when the worker ends before its job does.
        """
        worker = Worker(self, next(self._jobs), on_output)
        try:
            worker.start({name: str(path) for name, path in (maps or {}).items()})
            yield worker
        finally:
            worker.end()

    def scratch(self) -> Path:
        """A new empty folder for a worker. Starts the warm process again where it died."""
        with self._lock:
            if self._process is None:
                raise WarmProcessDied  # or was ended: this sandbox has been left
            if self._process.poll() is not None:
                self._stop()
                self._restart()
        folder = self._scratch / secrets.token_hex(16)
        folder.mkdir(mode=0o700)
        return folder

    def _restart(self) -> None:
        """Start the warm process again; raise WarmProcessDied where it dies at that, too."""
        try:
            self._start()
        except UserError as error:
            raise WarmProcessDied from error

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
                    *(sys.executable, "-P", "-m", "lemur2.sandbox.warm"),
                    *(
                        str(theirs.fileno()),
                        self.limits.device,
                        json.dumps(_what_it_needs(self.work)),
                    ),
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
        self._surroundings = ready["surroundings"]
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
            scratch.remove(self._scratch.parent)


class Worker:
    """One forked worker, as the parent sees it. Driven by one thread.

    Every call that waits watches the worker meanwhile: what it prints, what it writes, how long
    it takes. When it dies, leaves its channel or breaks a bound, the call raises the Refusal that
    says so.
    """

    def __init__(self, sandbox: Sandbox, job: int, on_output: Hear | None = None) -> None:
        self._sandbox = sandbox
        self._limits = sandbox.limits
        self._job = job
        self._scratch = sandbox.scratch()
        self._socket, self._far_socket = socket.socketpair()
        self._socket.setblocking(False)
        self._pipe, self._far_pipe = os.pipe()
        os.set_blocking(self._pipe, False)
        self._printed = Output(self._limits.output, on_output)
        self._status, self._far_status = os.pipe()
        self._looked = 0.0
        self._over = False
        key = secrets.token_bytes(KEY_BYTES)
        self._socket.send(key)
        self._channel = Channel(self._socket.fileno(), key, wait=self._watch)

    @property
    def output(self) -> str:
        """What it printed, as far as that was kept."""
        return self._printed.text

    @property
    def output_note(self) -> str:
        """That it printed more than is kept; "" where it did not."""
        return self._printed.note

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
        far = (self._far_socket.fileno(), self._far_pipe, self._far_status)
        try:
            self._sandbox.command(message, far)
        finally:
            self._far_socket.close()
            os.close(self._far_pipe)
            os.close(self._far_status)

    def _cell(self) -> Cell:
        return Cell(
            scratch=str(self._scratch),
            memory=self._limits.memory if self._limits.device == "cpu" else 0,
            disk=self._limits.scratch,
            files=self._limits.files,
            landlock=self._sandbox.landlock,
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

    def receive(
        self, *, deadline: float | None = None, awaited: Awaited | None = None
    ) -> tuple[Message, list[np.ndarray]]:
        """The worker's next message. A refusal that the worker reports is raised, too.

        Args:
            deadline: On the monotonic clock.
            awaited: What it may be; by default a small message without arrays.

        Raises:
            Refusal: It is another one, it refuses, or the worker ended instead.
            WarmProcessDied: That died, and the worker with it.
        """
        awaited = awaited or Awaited()
        with self._refusals():
            head, arrays = self._channel.receive(deadline, awaited)
        if "refused" in head:
            raise awaited.refusal(head["refused"])
        return head, arrays

    def end(self) -> None:
        """Make sure that it is gone, and its scratch folder with it."""
        if not self._over:
            self._kill()
        for descriptor in (self._pipe, self._status):
            os.close(descriptor)
        self._socket.close()
        self._printed.end()
        scratch.remove(self._scratch)

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
        except ChannelClosed:  # it ended, or closed its end; which, its exit tells
            raise self._death(self._kill()) from None

    def _watch(self, event: int, deadline: float | None) -> None:
        """Wait for the channel, and look after the worker meanwhile."""
        poller = select.poll()
        poller.register(self._socket.fileno(), event)
        poller.register(self._pipe, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poller.poll(_POLL_SECONDS * 1000)}
            now = time.monotonic()
            if deadline is not None and now > deadline:
                raise Late
            if self._pipe in ready and not self._drain():
                poller.unregister(self._pipe)
            self._look(now)
            if self._socket.fileno() in ready:
                return

    def _look(self, now: float) -> None:
        """Look at what it wrote, now and then."""
        if now - self._looked < _POLL_SECONDS:
            return
        self._looked = now
        if found := scratch.excess(self._scratch, self._limits):
            raise Refusal(Verdict.FORBIDDEN, f"wrote more to disk than is allowed: {found}")

    def _drain(self) -> bool:
        """Take what was printed; False at the end of it."""
        try:
            data = os.read(self._pipe, _READ_BYTES)
        except BlockingIOError:
            return True
        self._printed.add(data)
        return bool(data)

    def _kill(self) -> Exit | None:
        """End it, and wait until it has; None where the warm process died with it.

        A process that was ending anyway tells the exit code that it had chosen.
        """
        self._over = True
        self._sandbox.command({"kill": self._job})
        data, deadline = b"", time.monotonic() + _EXIT_SECONDS
        while chunk := self._read_status(deadline):
            data += chunk
        with contextlib.suppress(BlockingIOError):  # what it printed last: a pipe holds so much
            for _ in range(_PIPE_BYTES // _READ_BYTES):
                self._printed.add(os.read(self._pipe, _READ_BYTES))
        return Exit(**json.loads(data)) if data else None

    def _read_status(self, deadline: float) -> bytes:
        poller = select.poll()
        poller.register(self._status, select.POLLIN)
        if not poller.poll(max(0.0, deadline - time.monotonic()) * 1000):
            return b""
        return os.read(self._status, 4096)

    def _death(self, end: Exit | None) -> Refusal:
        if end is None:
            raise WarmProcessDied
        if end.code == UNPROTECTED_EXIT:
            raise UserError(
                f"the worker could not be isolated ({self._printed.tail.strip()}); "
                "see `lemur2 doctor`, or accept the risk with --unsafe"
            )
        if end.code < 0 and end.held:
            reason = f"more than {self._limits.scratch / MIB:g} MiB in removed files"
            return Refusal(Verdict.FORBIDDEN, f"wrote more to disk than is allowed: {reason}")
        added = end.memory - self._sandbox.base_memory
        if end.code < 0 and added > 0.8 * self._limits.memory:
            reason = f"killed with {added / MIB:.0f} MiB in use"
            return Refusal(Verdict.MEMORY, reason, remedy="--memory raises the limit")
        how = f"signal {-end.code}" if end.code < 0 else f"exit code {end.code}"
        last = one_line(self.output[-_QUOTED:].strip())
        said = f"; its output ends: {last}" if last else ""
        return Refusal(Verdict.CRASH, f"the worker ended without reporting ({how}){said}")


def _what_it_needs(work: str) -> dict[str, Any]:
    """What the warm process needs to know of this one: where modules are found, and the cache."""
    path = [os.path.abspath(place) for place in sys.path if place]
    return {"path": path, "cache": str(cache_root()), "work": work}


def _environment() -> dict[str, str]:
    """The warm process's environment: nothing of the user's but what finds the package."""
    source = str(Path(__file__).parents[2])
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
