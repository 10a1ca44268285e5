"""A third party's task is found by its entry point, from a package that is really installed."""

import sys

import pytest

from lemur2.errors import UserError
from lemur2.tasks import task, task_names

MODULE = """
from lemur2.tasks import ImageClassification

class Flowers(ImageClassification):
    name = "flowers"

not_a_task = 3
"""

ENTRIES = """[lemur2.tasks]
flowers = thirdparty_tasks:Flowers
broken = thirdparty_tasks:Missing
wrong = thirdparty_tasks:not_a_task
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    (tmp_path / "thirdparty_tasks.py").write_text(MODULE)
    info = tmp_path / "thirdparty_tasks-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: thirdparty-tasks\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("thirdparty_tasks", None)


@pytest.mark.usefixtures("installed")
class TestThirdParty:
    def test_is_listed_and_made(self):
        assert "flowers" in task_names()
        assert task("flowers").name == "flowers"

    @pytest.mark.parametrize("name", ["broken", "wrong"])
    def test_that_cannot_be_had_is_the_users_to_mend(self, name):
        with pytest.raises(UserError, match="thirdparty_tasks"):
            task(name)
