"""Static facts of a whole corpus: read once, kept, read again where the reader is newer."""

import sqlalchemy as sa
from networks import BROKEN, PLAIN

from lemur2.architecture import canonical_digest
from lemur2.architecture.facts import static_facts
from lemur2.corpus import Corpus
from lemur2.corpus.db.schema import static_facts as table
from lemur2.corpus.query import static
from lemur2.corpus.query.static import all_static_facts


def fill(corpus: Corpus) -> None:
    corpus.add_architecture(name="A", source=PLAIN, digest=canonical_digest(PLAIN))
    corpus.add_architecture(name="B", source=BROKEN, digest="")


def test_read_kept_and_read_again(corpus, monkeypatch):
    fill(corpus)
    found = all_static_facts(corpus)
    assert found == {"A": static_facts(PLAIN), "B": None}
    with corpus.database.write() as connection:
        row = table.c.facts != "null"
        connection.execute(sa.update(table).where(row).values(facts="null"))
    assert all_static_facts(corpus) == {"A": None, "B": None}  # what is kept is believed
    monkeypatch.setattr(static, "VERSION", 999)
    assert all_static_facts(corpus, {"A", "none"}) == {"A": static_facts(PLAIN)}


def test_reading_only_stores_nothing(tmp_path):
    with Corpus.open(tmp_path / "c.db", create=True) as corpus:
        fill(corpus)
    with Corpus.open(tmp_path / "c.db", read_only=True) as corpus:
        assert all_static_facts(corpus)["A"] == static_facts(PLAIN)
        with corpus.database.read() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0
