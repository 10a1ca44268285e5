"""The zoo as the package ships it."""

import subprocess
import sys

import pytest

from lemur2.architecture import Architecture, family, zoo_names, zoo_source
from lemur2.errors import UsageError


@pytest.mark.parametrize("name", zoo_names())
def test_every_zoo_network_keeps_the_contract(name):
    net = Architecture.parse(zoo_source(name), name=name)
    assert net.warnings == ()
    assert net.hyperparameters
    assert net.name.startswith(family(net.name))


def test_names_are_of_a_task_or_of_all():
    assert {"ResNet18", "LeNet"} <= set(zoo_names("img-classification"))
    assert zoo_names("txt-generation") == ["LSTM", "RNN", "Transformer"]
    assert zoo_names() == sorted(zoo_names("img-classification") + zoo_names("txt-generation"))


def test_an_unknown_name_is_a_usage_error_of_one_line():
    with pytest.raises(UsageError) as caught:
        zoo_source("NoSuchNetworkAnywhere")
    assert "NoSuchNetworkAnywhere" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_misspelt_name_is_answered_with_close_ones():
    with pytest.raises(UsageError, match=r"did you mean .*ResNet18"):
        zoo_source("Resnet18")


def test_a_path_is_no_name():
    with pytest.raises(UsageError):
        zoo_source("../architecture/zoo")


def test_the_layer_imports_no_torch():
    code = "import sys, lemur2.architecture; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
