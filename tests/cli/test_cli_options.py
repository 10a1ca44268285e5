"""What the shared options build: defaults, then the preset, then the flags."""

import click
import pytest
from click.testing import CliRunner

from lemur2.cli.options import limit_options, protocol_options
from lemur2.errors import UsageError
from lemur2.evaluation import Limits


def given(*arguments):
    """The protocol and the limits that a command line means."""
    found = []

    @click.command()
    @protocol_options
    @limit_options
    def command(protocol, limits):
        found.append((protocol.protocol(), limits.limits(Limits(threads=3))))

    ended = CliRunner().invoke(command, ["--dataset", "digits", *arguments])
    if isinstance(ended.exception, UsageError):
        raise ended.exception
    assert ended.exit_code == 0, ended.output
    return found[0]


def test_defaults():
    protocol, limits = given()
    assert protocol.hyperparameters == {"lr": 0.01, "batch": 64, "momentum": 0.9, "dropout": 0.2}
    assert (protocol.epochs, protocol.seed, protocol.transform) == (1, 0, None)
    assert (limits.threads, limits.device) == (3, "cpu")


def test_flags_override_the_preset():
    protocol, _ = given("--preset", "fractal", "--batch", "8", "--epochs", "2", "--no-amp")
    assert protocol.hyperparameters == {"lr": 0.01, "batch": 8, "momentum": 0.9, "dropout": 0.2}
    assert (protocol.epochs, protocol.transform, protocol.amp) == (2, "norm_flip", False)
    assert protocol.checkpointing


def test_settings_are_typed():
    protocol, _ = given("--set", "depth=3", "--set", "growth = 1e-1", "--set", "lr=0.5")
    assert protocol.hyperparameters["depth"] == 3
    assert isinstance(protocol.hyperparameters["depth"], int)
    assert protocol.hyperparameters["growth"] == 0.1
    assert protocol.hyperparameters["lr"] == 0.5


def test_limits():
    _, limits = given("--memory", "0.5", "--timeout", "90", "--threads", "2", "--device", "cuda:1")
    assert (limits.memory, limits.train_seconds) == (1 << 29, 90)
    assert (limits.threads, limits.device) == (2, "cuda:1")


def test_a_transform_file_is_found_from_anywhere(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("")
    monkeypatch.chdir(tmp_path)
    assert given("--transform", "mine.py")[0].transform == str(tmp_path / "mine.py")
    assert given("--transform", "norm_32")[0].transform == "norm_32"


@pytest.mark.parametrize(
    "wrong", [["--set", "lr"], ["--set", "=1"], ["--set", "a=nan"], ["--device", "gpu"]]
)
def test_wrong_usage(wrong):
    with pytest.raises(UsageError):
        given(*wrong)
