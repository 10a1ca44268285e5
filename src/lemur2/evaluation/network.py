"""Worker side: from source text to a built network, every failure a Refusal with its line."""

from __future__ import annotations

import errno
import linecache
import re
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from lemur2.architecture import Refusal, Verdict
from lemur2.architecture.hyperparameters import check_names
from lemur2.evaluation.protocol import value
from lemur2.evaluation.substitutes import Readable
from lemur2.texts import MOST_NAMES

FILE_NAME = "<candidate>"
MODULE_NAME = "lemur2_candidate"

_NO_MEMORY = (
    *("can't allocate memory", "cannot allocate memory", "not enough memory"),
    *("out of memory", "bad_alloc"),
)

# How writing beyond the limits of the scratch folder fails; torch says it in words.
_NO_DISK = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})
_TORCH_NO_DISK = re.compile(r"file write failed|inline_container.*unexpected pos")
# What is asked for beyond a worker's reach: words of the message, modules on the way to an OSError,
# and what to do instead.
_NO_GPU = "there is no GPU here: use the device that __init__ is given"
_BEYOND = (
    (("CUDA", "NVIDIA driver"), (), _NO_GPU),
    (
        ("internet connection", "urlopen"),
        ("hub.py", "huggingface_hub", "urllib", "http", "socket.py"),
        "there is no network in the sandbox: build it with weights of its own",
    ),
    (
        (),
        ("multiprocessing", "process.py", "subprocess.py"),
        "there are no other processes in the sandbox: do it in this one",
    ),
)

# Address space that is given back when candidate code has failed: telling that memory ran out
# takes some, while the failed code's frames still hold theirs.
_RESERVE = bytearray(8 << 20)


@contextmanager
def stage(verdict: Verdict) -> Iterator[None]:
    """Run candidate code: whatever it raises becomes a Refusal with the stage's verdict."""
    try:
        yield
    except Refusal:
        raise
    except BaseException as error:  # noqa: BLE001 - untrusted code may raise anything at all
        _RESERVE.clear()
        raise refusal(error, verdict) from None


def refusal(error: BaseException, verdict: Verdict) -> Refusal:
    """What an exception of the candidate's means."""
    text = " ".join(str(error).split())[:300]
    reason = f"{type(error).__name__}: {text}" if text else type(error).__name__
    line = next(
        (f.lineno for f in reversed(traceback.extract_tb(error.__traceback__)) if _own(f)), None
    )
    if isinstance(error, MemoryError) or any(sign in text.lower() for sign in _NO_MEMORY):
        return Refusal(Verdict.MEMORY, _no_room(text), line, remedy="--memory raises the limit")
    if _disk_is_full(error, text):
        return Refusal(Verdict.FORBIDDEN, f"wrote more to disk than is allowed: {reason}", line)
    if isinstance(error, PermissionError):
        frames = traceback.extract_tb(error.__traceback__)
        if frames and frames[-1].filename.startswith("<frozen importlib"):
            reason = (
                f"imports what candidates may not read: {Path(error.filename or '').parent.name}"
            )
        else:
            verdict = Verdict.FORBIDDEN
    elif isinstance(error, ModuleNotFoundError) and error.name in Readable.hidden:
        reason = f"imports what candidates may not read: {error.name}"
    elif isinstance(error, SystemExit | KeyboardInterrupt | GeneratorExit):
        verdict = Verdict.CRASH
    return Refusal(verdict, reason, line, _beyond(error, text))


def _beyond(error: BaseException, text: str) -> str:
    """What to do instead, where what failed is beyond a worker's reach; "" where not."""
    frames = traceback.extract_tb(error.__traceback__)
    passed = {part for frame in frames if not _own(frame) for part in Path(frame.filename).parts}
    for words, modules, remedy in _BEYOND:
        said = any(word in text for word in words)
        if not said and not (isinstance(error, OSError) and passed.intersection(modules)):
            continue
        if remedy is not _NO_GPU or not torch.cuda.is_available():
            return remedy
    return ""


def _disk_is_full(error: BaseException, text: str) -> bool:
    return (isinstance(error, OSError) and error.errno in _NO_DISK) or bool(
        _TORCH_NO_DISK.search(text)
    )


def _no_room(text: str) -> str:
    """What was too much, as far as an allocator's message says it."""
    asked = re.search(r"allocate (\d+) bytes", text)
    more = f", {int(asked[1]) / 2**20:,.0f} MiB more do not fit" if asked else ""
    return f"out of memory{more}"


def load(source: str) -> ModuleType:
    """Execute a candidate's file as a module. Raises Refusal (`import`)."""
    module = ModuleType(MODULE_NAME)
    module.__file__ = FILE_NAME
    sys.modules[MODULE_NAME] = module
    linecache.cache[FILE_NAME] = (len(source), None, source.splitlines(True), FILE_NAME)
    with stage(Verdict.IMPORT):
        exec(compile(source, FILE_NAME, "exec"), module.__dict__)
    return module


def declared(module: ModuleType) -> set[str]:
    """The hyperparameters that the module says it supports. Raises Refusal (`contract`)."""
    with stage(Verdict.CONTRACT):
        names = {str(name) for name in islice(module.supported_hyperparameters(), MOST_NAMES + 1)}
        check_names(names)
        return names


def parameters(
    names: set[str],
    given: Mapping[str, Any],
    *,
    batch: int,
    transform: str,
    epochs: int,
    checkpointing: bool = False,
) -> dict[str, Any]:
    """The `prm` of a network: what it declares, and `batch`, `transform`, `epoch`.

    `checkpointing` is there only where it is asked for: networks that offer it look for it.
    """
    prm = {name: value(given, name) for name in sorted(names)}
    prm |= {"batch": batch, "transform": transform, "epoch": epochs}
    return prm | {"checkpointing": True} if checkpointing else prm


def build(
    module: ModuleType,
    in_shape: Sequence[int],
    out_shape: Sequence[int],
    prm: Mapping[str, Any],
    device: torch.device,
) -> torch.nn.Module:
    """Construct the network and set its training up. Raises Refusal (`build`)."""
    with stage(Verdict.BUILD):
        try:
            net = module.Net(tuple(in_shape), tuple(out_shape), dict(prm), device)
            if not isinstance(net, torch.nn.Module):
                raise TypeError(f"Net is a {type(net).__name__}, not a torch.nn.Module")
            net.to(device)
            net.train_setup(dict(prm))  # type: ignore[operator]
        except KeyError as error:
            if error.args and error.args[0] not in prm and isinstance(error.args[0], str):
                raise Refusal(
                    Verdict.BUILD,
                    f"KeyError: {error.args[0]!r} is read from prm but not declared in "
                    "supported_hyperparameters()",
                    refusal(error, Verdict.BUILD).line,
                ) from None
            raise
    return net


def _own(frame: traceback.FrameSummary) -> bool:
    return frame.filename == FILE_NAME
