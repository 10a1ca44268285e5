"""The commands and options that people script: growth is a reviewed difference.

After a wanted change: `LEMUR2_UPDATE=1 pytest tests/cli/test_cli_surface.py`, and look at the
difference in `commands.txt`.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from lemur2.cli import main
from lemur2.cli.group import COMMANDS

FROZEN = Path(__file__).with_name("commands.txt")


def registered() -> dict[str, click.Command]:
    with click.Context(main) as context:
        return {name: main.get_command(context, name) for name in main.list_commands(context)}


def surface(prefix: str, command: click.Command) -> list[str]:
    """A line per command, argument and option."""
    lines = [prefix]
    for parameter in command.params:
        names = " ".join(parameter.opts + parameter.secondary_opts)
        kind = "argument" if isinstance(parameter, click.Argument) else "option"
        lines.append(f"{prefix}: {kind} {names} ({parameter.type.name})")
    if isinstance(command, click.Group) and command is not main:
        with click.Context(command) as context:
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner is not None
                lines += surface(f"{prefix} {name}", inner)
    return lines


def test_commands_and_options_are_frozen():
    lines = surface("lemur2", main)
    for name, command in sorted(registered().items()):
        lines += surface(f"lemur2 {name}", command)
    text = "\n".join(lines) + "\n"
    if os.environ.get("LEMUR2_UPDATE"):
        FROZEN.write_text(text)
    assert text == FROZEN.read_text()


@pytest.mark.parametrize("name", sorted(registered()))
def test_help_teaches(lemur2, name):
    """Every command says what it is for and gives two examples; every option says what it does."""
    text = lemur2(name, "--help")
    assert text.code == 0
    assert len(re.findall(rf"^ +lemur2 {name}\b", text.out, re.MULTILINE)) >= 2
    for parameter in registered()[name].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{parameter.opts} has no help"


def test_help_lists_what_is_there(lemur2):
    text = lemur2("--help").out
    for name in registered():
        assert COMMANDS[name][1] in " ".join(text.split())
    for name in set(COMMANDS) - set(registered()):
        assert not re.search(rf"^ +{name} ", text, re.MULTILINE)


def test_version(lemur2):
    from lemur2 import __version__

    assert lemur2("--version").out == f"lemur2, version {__version__}\n"


def test_help_imports_next_to_nothing():
    code = (
        "import sys\n"
        "from lemur2.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "heavy = {'torch', 'pandas', 'numpy', 'sqlalchemy', 'rich', 'lemur2.cli.commands.data'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_no_option_hides_another():
    """A generator's options stand beside those of `grow` and `generate`."""
    for verb in ("grow", "generate"):
        group = registered()[verb]
        for name in group.list_commands(click.Context(group)):
            command = group.get_command(click.Context(group), name)
            flags = [flag for parameter in command.params for flag in parameter.opts]
            assert len(flags) == len(set(flags)), f"{verb} {name}: {sorted(flags)}"
