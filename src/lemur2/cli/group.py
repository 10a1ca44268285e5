"""The group `lemur2`: commands by name, each module imported when its command is used."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from typing import Any

import click

from lemur2 import __version__
from lemur2.cli.errors import USAGE, ReaderLeftError, exit_code, plugin_warnings
from lemur2.cli.preparing import reading_shown
from lemur2.quiet import be_quiet
from lemur2.suggestions import did_you_mean

# name -> where the command is, and its line in `lemur2 --help`. A command whose module is not
# there is not shown.
COMMANDS = {
    "quickstart": (
        "lemur2.cli.commands.quickstart:quickstart",
        "A corpus from nothing on real data, in minutes.",
    ),
    "check": ("lemur2.cli.commands.check:check", "Screen files in the sandbox: a verdict each."),
    "adopt": (
        "lemur2.cli.commands.adopt:adopt",
        "Ordinary modules, timm's, torchvision's as Net files.",
    ),
    "train": (
        "lemur2.cli.commands.train:train",
        "Train one network, or search its hyperparameters.",
    ),
    "generate": (
        "lemur2.cli.commands.generate:generate",
        "Write a generator's candidates to a folder.",
    ),
    "grow": ("lemur2.cli.commands.grow:grow", "Propose, screen, deduplicate, train and record."),
    "champion": (
        "lemur2.cli.commands.champion:champion",
        "The best of a run, scored on the test part.",
    ),
    "resume": ("lemur2.cli.commands.grow:resume", "Go on with a run where it stopped."),
    "runs": (
        "lemur2.cli.commands.runs:runs",
        "The ledger: every run, how far it got, how it ended.",
    ),
    "predict": (
        "lemur2.cli.commands.predict:predict",
        "What a trained network says of pictures, or writes.",
    ),
    "evaluate": (
        "lemur2.cli.commands.predict:evaluate",
        "Kept weights scored on a data set.",
    ),
    "pack": (
        "lemur2.cli.commands.pack:pack",
        "A trained network as a folder that stands alone.",
    ),
    "weights": (
        "lemur2.cli.commands.weights:weights",
        "The weights that are kept: list, export, prune.",
    ),
    "data": ("lemur2.cli.commands.data:data", "Query the corpus: a row per epoch of a trial."),
    "datasets": (
        "lemur2.cli.commands.datasets:datasets",
        "Data sets: named ones, and pictures of your own.",
    ),
    "show": ("lemur2.cli.commands.show:show", "One network: source, facts, lineage, trials."),
    "import": ("lemur2.cli.commands.import_:import_", "An existing corpus into this one."),
    "export": (
        "lemur2.cli.commands.export:export",
        "The corpus as Parquet, or in the field's layout.",
    ),
    "dedupe": (
        "lemur2.cli.commands.dedupe:dedupe",
        "Networks that others stand for; marks, never deletion.",
    ),
    "blocks": (
        "lemur2.cli.commands.blocks:blocks",
        "Runnable blocks from model libraries: index, search, extract.",
    ),
    "curate": (
        "lemur2.cli.commands.curate:curate",
        "A training set of networks: chosen, split, written.",
    ),
    "finetune": (
        "lemur2.cli.commands.finetune:finetune",
        "Train a language model's adapter on networks.",
    ),
    "finetune-eval": (
        "lemur2.cli.commands.finetune_eval:finetune_eval",
        "What it writes before and after, in funnels.",
    ),
    "screen": (
        "lemur2.cli.commands.screen:screen",
        "Screen the networks of a corpus; facts and verdicts.",
    ),
    "prompt": ("lemur2.cli.commands.prompt:prompt", "The prompts of language models; the models."),
    "report": (
        "lemur2.cli.commands.report:report",
        "Figures and tables over the corpus, in one page.",
    ),
    "list": (
        "lemur2.cli.commands.list_:list_",
        "The names that there are: data sets, tasks, zoo, ...",
    ),
    "doctor": (
        "lemur2.cli.commands.doctor:doctor",
        "What protects this machine; devices, data sets.",
    ),
}


class SuggestingGroup(click.Group):
    """A group that offers the commands which come close to one that it does not have."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names. Raises click.UsageError."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            hint = did_you_mean(name, self.list_commands(ctx), "")
            raise click.UsageError(f"No such command {name!r}; {hint}".rstrip("; "), ctx)
        return super().resolve_command(ctx, args)


class LazyGroup(SuggestingGroup):
    """A group that imports a command's module when the command is used, and no sooner.

    It is also where every error ends: one line on stderr and the exit code, see `cli.errors`.
    """

    def __init__(self, table: dict[str, tuple[str, str]], **settings: Any) -> None:
        super().__init__(**settings)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands that are there, in the order of the table."""
        return [name for name, (where, _) in self.table.items() if _exists(where)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module, _, attribute = self.table[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with the table's lines, importing none."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.table[name][1]) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. Raises ReaderLeftError where nobody reads what it prints."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderLeftError("nobody reads what is printed") from error

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run; in standalone mode (the command line) end the process with the exit code."""
        be_quiet()

        def run() -> Any:
            with plugin_warnings(), reading_shown():
                return super(LazyGroup, self).main(
                    args, prog_name, complete_var, standalone_mode=False, **extra
                )

        if not standalone_mode:
            return run()
        sys.exit(exit_code(run))


def _exists(where: str) -> bool:
    return importlib.util.find_spec(where.partition(":")[0]) is not None


@click.group(
    "lemur2",
    cls=LazyGroup,
    table=COMMANDS,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="The corpus is the file lemur2.db, or what LEMUR2_DB or --db name.",
)
@click.version_option(__version__, prog_name="lemur2")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Grow, screen, train and query a corpus of diverse neural networks.

    \b
    lemur2 quickstart                        from an empty folder to a corpus and a leaderboard
    lemur2 grow fractal -n 20 --dataset mnist-5k
    lemur2 data --best
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(USAGE)
