"""Options that several commands share."""

from __future__ import annotations

import click

db_option = click.option(
    "--db",
    metavar="PLACE",
    help="The corpus: a file or postgresql://user@host/name. [default: $LEMUR2_DB or lemur2.db]",
)

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
