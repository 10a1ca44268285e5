"""`lemur2 prompt`: the prompts that language models get, to read and to change."""

from __future__ import annotations

import click

from lemur2.cli.options import json_option, refuse, wide_option
from lemur2.cli.output import emit_json, print_table, say


@click.command()
@click.argument("name", required=False)
@click.option("--show", is_flag=True, help="Print the prompt's template.")
@click.option("--models", is_flag=True, help="List the models of the paper instead.")
@wide_option
@json_option
def prompt(name: str | None, show: bool, models: bool, as_json: bool) -> None:
    """Prompts for language models: their names, or with --show the template of one.

    A template is a Jinja2 file. Save it, change it, and name it with --template where the prompt is
    used.

    \b
    lemur2 prompt
    lemur2 prompt fewshot --show > mine.jinja
    lemur2 generate fewshot --template mine.jinja -n 5 --out nets
    lemur2 prompt --models
    """
    from lemur2.llm import prompt_text

    if name is None:
        refuse(("show",), "needs the NAME of a prompt; `lemur2 prompt` lists them")
        _list(_models() if models else _prompts(), as_json)
        return
    refuse(("models",), "lists models; leave the name of the prompt out")
    text = prompt_text(name)
    if as_json:
        emit_json({"name": name, "about": about(text), "text": text})
    elif show:
        click.echo(text, nl=False)
    else:
        say(f"{name}: {about(text)}\n`lemur2 prompt {name} --show` prints it")


def about(text: str) -> str:
    """The first sentence of a template's opening comment."""
    comment = text.partition("#}")[0].removeprefix("{#").replace("\n# ", " ").removeprefix("# ")
    return " ".join(comment.partition(". ")[0].partition(":\n")[0].split()).removesuffix(".") + "."


def _prompts() -> list[dict[str, str]]:
    from lemur2.llm import prompt_names, prompt_text

    return [{"name": name, "about": about(prompt_text(name))} for name in prompt_names()]


def _models() -> list[dict[str, str]]:
    from lemur2.llm import presets

    return [
        {"name": name, "about": preset.about, "llm": preset.llm}
        for name, preset in presets().items()
    ]


def _list(rows: list[dict[str, str]], as_json: bool) -> None:
    if as_json:
        for row in rows:
            emit_json(row)
        return
    print_table(list(rows[0]), (row.values() for row in rows))
