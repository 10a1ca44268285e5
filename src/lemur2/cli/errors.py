"""How the command line ends: one line on stderr, and an exit code that scripts rely on.

The table of codes is docs/exit-codes.md.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import click

from lemur2.cli.text import printable
from lemur2.errors import DataWarning, UsageError, UserError, no_room
from lemur2.registry import PluginWarning

FAILED, USAGE = 1, 2
INTERRUPTED, READER_LEFT = 130, 141  # as a shell reports SIGINT and SIGPIPE


def exit_code(run: Callable[[], Any]) -> int:
    """Run a command and say in one line what went wrong; its exit code.

    A reader that goes away (`lemur2 data | head`) ends a command without a word. What is no error
    of the user's escapes with its traceback.
    """
    try:
        result = run()
        sys.stdout.flush()
    except click.UsageError as error:
        help_command = error.ctx.command_path if error.ctx else "lemur2"
        return _fail(f"{_one_line(error.format_message())} (see {help_command} --help)", USAGE)
    except UsageError as error:
        return _fail(str(error), USAGE)
    except UserError as error:
        return _fail(str(error), FAILED)
    except (BrokenPipeError, ReaderLeftError):
        return _reader_left()
    except click.ClickException as error:
        return _fail(_one_line(error.format_message()), error.exit_code)
    except OSError as error:
        if (said := no_room(error)) is None:
            raise
        return _fail(said, FAILED)
    except (click.Abort, KeyboardInterrupt):
        return _fail("interrupted", INTERRUPTED)
    return result if isinstance(result, int) else 0


class ReaderLeftError(click.ClickException):
    """Nobody reads what is printed: what a command raises in place of BrokenPipeError.

    Click would end on that with 1.
    """


def _reader_left() -> int:
    """Let what is still in the buffers go nowhere, so that the end of Python is quiet, too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    return READER_LEFT


@contextlib.contextmanager
def plugin_warnings() -> Iterator[None]:
    """Within the block, warnings of ours are said in a line each, once.

    They are of installed packages that are wrong, and of a person's own data.
    """
    said: set[str] = set()
    usual = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        text = _one_line(str(message))
        if not issubclass(category, PluginWarning | DataWarning):
            usual(message, category, *where, **more)
        elif text not in said:
            said.add(text)
            click.echo(f"lemur2: warning: {text}", err=True)

    with warnings.catch_warnings():
        warnings.simplefilter("always", PluginWarning)
        warnings.simplefilter("always", DataWarning)
        warnings.showwarning = show
        yield


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()).rstrip("."))


def _fail(message: str, code: int) -> int:
    click.echo(f"lemur2: error: {_one_line(message)}", err=True)
    return code
