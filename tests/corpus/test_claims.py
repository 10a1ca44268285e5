"""A run is worked on by one process at a time, and a dead one holds nothing."""

import subprocess
import sys

import pytest

from lemur2.corpus import Corpus
from lemur2.errors import UserError

HOLD = """
import sys, time
from lemur2.corpus import Corpus
with Corpus.open(sys.argv[1]) as corpus, corpus.claimed(1):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_claim_keeps_others_out_until_its_holder_is_killed(tmp_path):
    place = tmp_path / "c.db"
    with Corpus.open(place, create=True) as corpus:
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(place)], stdout=subprocess.PIPE, text=True
        )
        try:
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(UserError, match="another process is at work on run 1"):
                corpus.claimed(1).__enter__()
            with corpus.claimed(2):
                pass
        finally:
            holder.kill()
            holder.wait()
        with corpus.claimed(1):
            pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.db"]
