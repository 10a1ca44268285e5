"""Presets: the paper's figures, and flags over them."""

import pytest

from lemur2.errors import UsageError
from lemur2.evaluation import Protocol
from lemur2.evaluation.presets import PRESETS, preset


def test_fractal_is_as_section_8_4_2_states():
    protocol = Protocol(dataset="cifar-10").with_(**preset("fractal"))
    assert protocol.epochs == 5
    assert protocol.transform == "norm_flip"
    assert protocol.hyperparameters == {"lr": 0.01, "batch": 16, "momentum": 0.9, "dropout": 0.2}


def test_what_a_section_does_not_state_is_the_default():
    plain = Protocol(dataset="cifar-10")
    moe = plain.with_(**preset("moe"))
    assert (moe.epochs, moe.hyperparameters["batch"]) == (50, 128)
    assert moe.hyperparameters["dropout"] == plain.hyperparameters["dropout"]
    assert moe.transform is plain.transform


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_the_callers_own(name):
    mine = preset(name)
    mine.setdefault("hyperparameters", {})["lr"] = 7
    mine["epochs"] = 99
    assert preset(name) != mine
    assert Protocol(dataset="digits").with_(**preset(name)).epochs < 99


def test_a_misspelt_name():
    with pytest.raises(UsageError, match="fractal"):
        preset("fractals")
