"""`lemur2 list`: what there is, by kind."""

from __future__ import annotations

import click

from lemur2.cli.commands.datasets import list_datasets
from lemur2.cli.group import SuggestingGroup
from lemur2.cli.options import json_option, wide_option


@click.group("list", cls=SuggestingGroup)
def list_() -> None:
    """What there is to choose from.

    \b
    lemur2 list datasets
    lemur2 list datasets --json
    """


@list_.command("datasets")
@wide_option
@json_option
def datasets(as_json: bool) -> None:
    """All data sets by name, your own among them.

    \b
    lemur2 list datasets
    lemur2 list datasets --json | jq 'select(.found).name'
    """
    list_datasets(as_json)
