import ast
import random

import pytest
from conftest_nets import NETWORK, reordered
from hypothesis import given, settings
from hypothesis import strategies as st

from lemur2.architecture import Refusal, zoo_names, zoo_source
from lemur2.architecture.digest import canonical_digest
from lemur2.finetuning.normal import normal_digest, normal_form

CLASSIFIERS = [name for name in zoo_names() if "class Net" in zoo_source(name)]


@settings(max_examples=30, deadline=None)
@given(name=st.sampled_from(CLASSIFIERS))
def test_it_is_its_own_normal_form(name):
    once = normal_form(zoo_source(name))
    assert normal_form(once) == once
    assert normal_digest(once) == normal_digest(zoo_source(name)) == canonical_digest(once)


@settings(max_examples=30, deadline=None)
@given(name=st.sampled_from(CLASSIFIERS), seed=st.integers(0, 99))
def test_the_order_of_methods_does_not_count(name, seed):
    source = zoo_source(name)
    other = reordered(source, random.Random(seed))
    assert normal_form(other) == normal_form(source)


def test_the_network_counts():
    assert normal_digest(NETWORK.replace("8", "9")) != normal_digest(NETWORK)


def test_comments_and_docstrings_go_and_layers_come_last():
    form = normal_form(NETWORK)
    assert "#" not in form
    assert '"""' not in form
    net = next(node for node in ast.parse(form).body if isinstance(node, ast.ClassDef))
    assert [node.name for node in net.body][-2:] == ["__init__", "forward"]
    assert [node.name for node in net.body][:2] == ["train_setup", "learn"]


def test_what_is_no_python_is_refused():
    with pytest.raises(Refusal):
        normal_form("class Net(:")
