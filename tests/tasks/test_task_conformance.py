"""Every registered task keeps the contract, by being registered."""

import subprocess
import sys

import pytest

from lemur2.errors import UsageError
from lemur2.tasks import Task, task, task_names
from lemur2.testing.tasks import TaskSuite


@pytest.mark.parametrize("name", task_names())
class TestRegisteredTasks(TaskSuite):
    @pytest.fixture
    def task(self, name):
        return task(name)

    def test_has_its_name(self, task, name):
        assert isinstance(task, Task)
        assert task.name == name


def test_both_tasks_are_registered():
    assert {"img-classification", "txt-generation"} <= set(task_names())


def test_an_unknown_task_names_the_close_ones():
    with pytest.raises(UsageError, match="img-classification"):
        task("image-classification")
    with pytest.raises(UsageError, match=r"img-classification, txt-generation"):
        task("zzz")


def test_tasks_and_data_sets_load_without_torch():
    code = "import sys, lemur2.tasks, lemur2.datasets.text; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
