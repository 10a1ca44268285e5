"""The warm process: has torch in memory, forks one shut-in worker per job, and buries it.

Run by `Sandbox` as `python -m lemur2.sandbox.warm CONTROL DEVICE SURROUNDINGS`. It has
one thread, never runs a parallel region (a fork would inherit its locks), never initialises a GPU,
holds no held-out input or target, and knows no secret of the environment. Commands arrive on the
control socket as JSON with descriptors:

    {"run": id, "cell": {...}, "maps": {name: path}, "memory": bytes, "threads": n, "unsafe": bool}
        + [channel, output, status]: fork a worker, talk to it on `channel`, its stdout and stderr
        go to `output`, and when it ended its exit goes to `status`
    {"kill": id}

When the parent is gone, so is the other end of the control socket: then it kills its workers,
removes the scratch folder and ends.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import resource
import selectors
import signal
import socket
import sys
import tempfile
import traceback
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from lemur2.registry import PluginWarning
from lemur2.sandbox import isolation, policy, scratch
from lemur2.sandbox.channel import KEY_BYTES, Channel
from lemur2.sandbox.isolation import UNPROTECTED_EXIT, Cell
from lemur2.sandbox.landlock import Rule
from lemur2.sandbox.surroundings import surroundings

MAX_COMMAND = 1 << 16
_WATCH_SECONDS = 0.1
_CHANNEL = 3  # the only descriptor that a worker has beside stdin, stdout and stderr
_DESCRIPTORS = 1 << 16


class Work(Protocol):
    """The module that a sandbox is made with: what its workers do."""

    def warm_up(self) -> None:
        """Import and touch what every worker needs, on one thread."""

    def serve(self, channel: Channel, arrays: dict[str, np.ndarray]) -> None:
        """Do one job."""


@dataclass
class _Child:
    job: int
    pid: int
    status: int  # descriptor that its exit is reported on
    memory: int  # most resident bytes
    disk: int  # most bytes in removed files that it holds
    held: bool = False  # it was killed for holding more


@dataclass
class Warm:
    """State of the warm process."""

    control: socket.socket
    scratch: str
    rules: list[Rule]
    work: Work
    own_scratch: bool = False  # workers have file systems of their own as scratch folders
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    children: dict[int, _Child] = field(default_factory=dict)  # by pidfd
    mapped: dict[str, np.ndarray] = field(default_factory=dict)

    def greet(self) -> None:
        """Tell the parent that all is ready, and what it needs to know."""
        _, resident = isolation.memory()
        hello = {
            "scratch": self.scratch,
            "memory": resident,
            "gpus": _gpus(),
            "surroundings": surroundings(),
        }
        self.control.send(json.dumps(hello).encode())

    def serve(self) -> None:
        """Obey until the parent is gone."""
        self.selector.register(self.control, selectors.EVENT_READ)
        while True:
            self._watch()
            for key, _ in self.selector.select(_WATCH_SECONDS if self.children else None):
                if key.fileobj is self.control:
                    if not self._obey():
                        return
                else:
                    self._bury(key.fd)

    def _obey(self) -> bool:
        data, descriptors, _, _ = socket.recv_fds(self.control, MAX_COMMAND, 3)
        if not data:
            return False
        command = json.loads(data)
        if "kill" in command:
            self._kill(command["kill"])
        else:
            self._run(command, *descriptors)
        return True

    def _run(self, command: dict[str, Any], channel: int, output: int, status: int) -> None:
        for path in command["maps"].values():
            if path not in self.mapped:  # copy-on-write: a worker's changes are its own
                self.mapped[path] = np.load(path, mmap_mode="c")
        warm = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_worker(command, channel, output, warm)
        os.close(channel)
        os.close(output)
        watched = os.pidfd_open(pid)
        allowed = isolation.memory()[1] + command["memory"]
        self.children[watched] = _Child(
            command["run"], pid, status, allowed, command["cell"]["disk"]
        )
        self.selector.register(watched, selectors.EVENT_READ)

    def _become_worker(self, command: dict[str, Any], channel: int, output: int, warm: int) -> None:
        """In the child: shut in, serve one job, leave. Never returns."""
        code = 1
        try:
            isolation.die_with(warm)
            _redirect(output)
            arrays = {name: self.mapped[path] for name, path in command["maps"].items()}
            cell, unsafe = Cell(**command["cell"]), command["unsafe"]
            key = os.read(channel, KEY_BYTES)
            rules, self.rules = self.rules, []
            if not unsafe and not _shut_in(cell, rules, self.own_scratch):
                os._exit(UNPROTECTED_EXIT)
            _live_in(cell.scratch)
            os.dup2(channel, _CHANNEL)
            os.closerange(_CHANNEL + 1, _DESCRIPTORS)
            del self.control, self.selector
            self.children.clear()
            _use_threads(command["threads"])
            self.work.serve(Channel(_CHANNEL, key), arrays)
            code = 0
        except Exception:  # noqa: BLE001 - a fault of ours: the reason of the crash then says where
            traceback.print_exc()
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _watch(self) -> None:
        """Kill workers that have too much in memory, or in files that nobody else can see.

        The first bounds them where the address space cannot be limited (GPU drivers), the second
        where the scratch folder is no file system of its own.
        """
        for watched, child in self.children.items():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it just ended
                child.held = child.held or (not self.own_scratch and self._holds_too_much(child))
                if child.held or isolation.memory(child.pid)[1] > child.memory:
                    signal.pidfd_send_signal(watched, signal.SIGKILL)

    def _holds_too_much(self, child: _Child) -> bool:
        try:
            return scratch.held(child.pid, self.scratch) > child.disk
        except PermissionError:  # what cannot be seen is too much, but of one that just ends
            return isolation.memory(child.pid)[0] > 0

    def _kill(self, job: int) -> None:
        for watched, child in self.children.items():
            if child.job == job:
                signal.pidfd_send_signal(watched, signal.SIGKILL)

    def _bury(self, watched: int) -> None:
        child = self.children.pop(watched)
        self.selector.unregister(watched)
        os.close(watched)
        _, status, usage = os.wait4(child.pid, 0)
        report = {
            "code": os.waitstatus_to_exitcode(status),
            "memory": usage.ru_maxrss * 1024,
            "cpu": usage.ru_utime + usage.ru_stime,
            "held": child.held,
        }
        with contextlib.suppress(BrokenPipeError):
            os.write(child.status, json.dumps(report).encode())
        os.close(child.status)

    def end(self) -> None:
        """Leave no process behind."""
        for watched in self.children:
            signal.pidfd_send_signal(watched, signal.SIGKILL)
        for child in self.children.values():
            os.waitpid(child.pid, 0)


def _redirect(output: int) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # heard as it comes, and before it is killed


def _live_in(scratch: str) -> None:
    """Make the scratch folder the working folder, the temporary folder and HOME."""
    os.chdir(scratch)
    os.environ.update(dict.fromkeys(("HOME", "TMPDIR", "TMP", "TEMP"), scratch))
    tempfile.tempdir = scratch  # looked up before, when the warm process made its own folder


def _shut_in(cell: Cell, rules: list[Rule], own_scratch: bool) -> bool:
    try:
        isolation.shut_in(cell, rules, own_scratch=own_scratch)
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
        return False
    return True


def _use_threads(count: int) -> None:
    import torch

    torch.set_num_threads(count)


def _warm_up(name: str) -> Work:
    """Import the work, and have it make ready on one thread."""
    import torch

    torch.set_num_threads(1)
    work: Work = importlib.import_module(name)
    work.warm_up()
    gc.collect()
    gc.freeze()  # the children's collections leave these pages shared
    return work


def _gpus() -> int:
    """How many torch can use; asking does not initialise them."""
    import torch

    return torch.cuda.device_count()


def main() -> None:
    """Warm up, say so, and serve."""
    control, device = socket.socket(fileno=int(sys.argv[1])), sys.argv[2]
    given, namespaces = json.loads(sys.argv[3]), "--namespaces" in sys.argv
    del sys.argv[1:]  # a candidate may parse them
    # Modules are found where the parent finds them, but never in place of those found here.
    sys.path += [place for place in given["path"] if place not in sys.path]
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a rule each holds a descriptor
    warnings.simplefilter("ignore", PluginWarning)  # the parent says it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    namespaces = namespaces and isolation.enter_namespaces()
    # Made here and not by the parent: whenever the parent dies, someone is left to remove it.
    folder = Path(tempfile.mkdtemp(prefix="lemur2-")).resolve()
    try:
        workers = folder / "workers"
        workers.mkdir()
        own_scratch = namespaces and isolation.can_mount(str(workers))
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder / "torch")  # made when imported
        work = _warm_up(given["work"])
        rules = policy.rules(gpu=device != "cpu", cache=Path(given["cache"]))
        warm = Warm(control, str(workers), rules, work, own_scratch)
        try:
            warm.greet()
            warm.serve()
        finally:
            warm.end()
    finally:
        scratch.remove(folder)


if __name__ == "__main__":
    main()
