"""How the command line ends: one line on stderr, and an exit code that scripts rely on.

0 done; 1 something failed (a UserError); 2 wrong usage; 130 interrupted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from lemur2.cli.text import printable
from lemur2.errors import UsageError, UserError, no_room

FAILED, USAGE, INTERRUPTED = 1, 2, 130


def exit_code(run: Callable[[], Any]) -> int:
    """Run a command and say in one line what went wrong; its exit code.

    A reader that goes away (`lemur2 data | head`) ends a command quietly: click sees to that.
    What is no error of the user's escapes with its traceback.
    """
    try:
        result = run()
    except click.UsageError as error:
        help_command = error.ctx.command_path if error.ctx else "lemur2"
        return _fail(f"{_one_line(error.format_message())} (see {help_command} --help)", USAGE)
    except UsageError as error:
        return _fail(str(error), USAGE)
    except UserError as error:
        return _fail(str(error), FAILED)
    except click.ClickException as error:
        return _fail(_one_line(error.format_message()), error.exit_code)
    except OSError as error:
        if (said := no_room(error)) is None:
            raise
        return _fail(said, FAILED)
    except click.Abort:
        return _fail("interrupted", INTERRUPTED)
    return result if isinstance(result, int) else 0


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()).rstrip("."))


def _fail(message: str, code: int) -> int:
    click.echo(f"lemur2: error: {_one_line(message)}", err=True)
    return code
