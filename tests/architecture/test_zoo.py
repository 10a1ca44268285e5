"""The zoo as the package ships it."""

import subprocess
import sys

import pytest

from lemur2.architecture import Architecture, family, zoo_candidates, zoo_names, zoo_source
from lemur2.errors import UsageError


def test_every_zoo_network_keeps_the_contract():
    for candidate in zoo_candidates():
        net = Architecture.parse(candidate.source, name=candidate.name)
        assert net.warnings == (), candidate.name
        assert net.hyperparameters, candidate.name
        assert candidate.generator == "zoo"
        assert family(net.name) == net.name


def test_candidates_are_the_named_files():
    assert [c.name for c in zoo_candidates()] == zoo_names() == sorted(zoo_names())
    assert all(zoo_source(c.name) == c.source for c in zoo_candidates())


def test_an_unknown_name_is_a_usage_error_of_one_line():
    with pytest.raises(UsageError) as caught:
        zoo_source("NoSuchNetworkAnywhere")
    assert "NoSuchNetworkAnywhere" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif("ResNet18" not in zoo_names(), reason="the zoo is not written yet")
def test_a_misspelt_name_is_answered_with_close_ones():
    with pytest.raises(UsageError, match=r"did you mean .*ResNet18"):
        zoo_source("Resnet18")


def test_a_path_is_no_name():
    with pytest.raises(UsageError):
        zoo_source("../architecture/zoo")


def test_the_layer_imports_no_torch():
    code = "import sys, lemur2.architecture; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
