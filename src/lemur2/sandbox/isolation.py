"""Shut a process in: what a worker does to itself before it touches a candidate's source.

Every property is kept by a mechanism that an ordinary user has: files by Landlock, processes,
signals, sockets and kernel interfaces by seccomp, sizes by resource limits. Where the kernel
lets an unprivileged user make namespaces, the warm process adds an empty network and its own IPC
under that, for all its workers at once, and each worker a file system of its own as its scratch
folder; nothing rests on it.
"""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from lemur2.sandbox import landlock, seccomp, syscalls
from lemur2.sandbox.landlock import Rule

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_CLONE_NEWUSER, _CLONE_NEWNET, _CLONE_NEWIPC = 0x10000000, 0x40000000, 0x08000000
_CLONE_NEWNS = 0x00020000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 2, 4, 8
_OPEN_FILES = 256
_OOM_SCORE = "500"  # of 1,000: whom the kernel ends first when the machine's memory is out

NO_LANDLOCK = (
    "no Landlock in this kernel; use Linux 5.13 or newer with `landlock` in its `lsm=` list"
)
UNPROTECTED_EXIT = 97  # of a worker that could not be shut in, and ran nothing


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The bounds of one worker.

    Attributes:
        scratch: The only folder it may write in.
        memory: Address space it may add to what it was forked with, in bytes; 0 for no limit
            (GPU drivers reserve address space without end; resident memory is watched anyway).
        disk: Most bytes in that folder, in one file or many.
        files: Most files and folders in it.
        gpu: Let GPU devices and their ioctls through.
        landlock: The newest version of Landlock to use; None for the kernel's.
    """

    scratch: str
    memory: int
    disk: int
    files: int
    gpu: bool = False
    landlock: int | None = None


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, however it ends."""
    syscalls.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before we asked
        os._exit(1)


def enter_namespaces() -> bool:
    """Give this process an empty network and its own IPC; False where that is not allowed."""
    uid, gid = os.getuid(), os.getgid()
    try:
        syscalls.unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC)
    except OSError:
        return False
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")
    return True


def can_mount(folder: str) -> bool:
    """Whether workers can have file systems of their own, tried in a child on an empty folder."""
    pid = os.fork()
    if pid == 0:
        try:
            _mount(folder, "size=1m")
        except OSError:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status) == 0


def _mount(folder: str, options: str) -> None:
    """Mount a new file system on a folder, for this process alone. Raises OSError.

    It is gone with the process. Only in a process that entered namespaces: else others see it.
    """
    syscalls.unshare(_CLONE_NEWNS)
    syscalls.mount("tmpfs", folder, _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, options)


def shut_in(cell: Cell, rules: Sequence[Rule], *, own_scratch: bool = False) -> None:
    """Apply everything to this process, for good. It must have one thread.

    Args:
        cell: Its bounds.
        rules: What it may read, as open descriptors; they are closed.
        own_scratch: Make the scratch folder a file system of its own, which holds no more than
            the cell allows. Then files in it may be renamed; else one could be renamed away from
            who counts them.

    Raises:
        OSError: Where the kernel refuses; the caller must then not run anything.
    """
    address_space, _ = memory()  # asked now: /proc is out of reach later
    _write("/proc/self/oom_score_adj", _OOM_SCORE)  # not the warm process, and its neighbours
    syscalls.prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if own_scratch:
        _mount(cell.scratch, f"size={cell.disk},nr_inodes={cell.files},mode=0700")
    scratch = landlock.open_rule(cell.scratch, landlock.SCRATCH)
    if scratch is None:
        raise FileNotFoundError(f"scratch folder {cell.scratch} is gone")
    landlock.restrict([*rules, scratch], cell.landlock)
    for rule in (*rules, scratch):
        os.close(rule.descriptor)
    _limit_resources(cell, address_space)
    syscalls.drop_capabilities()
    seccomp.restrict(os.getpid(), any_ioctl=cell.gpu, renaming=own_scratch)


def _limit_resources(cell: Cell, address_space: int) -> None:
    limits = [
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, cell.disk),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ]
    if cell.memory:
        limits.append((resource.RLIMIT_AS, address_space + cell.memory))
    for name, value in limits:
        resource.setrlimit(name, (value, value))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write fails with EFBIG instead


def memory(process: int | str = "self") -> tuple[int, int]:
    """A process's address space and resident memory, in bytes."""
    with open(f"/proc/{process}/statm", encoding="ascii") as statm:
        size, resident = statm.read().split()[:2]
    return int(size) * resource.getpagesize(), int(resident) * resource.getpagesize()


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
