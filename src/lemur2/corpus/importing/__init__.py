"""An existing corpus in the field's layout, read into this one. Runs none of its code."""

from lemur2.corpus.importing.download import locate_source
from lemur2.corpus.importing.importer import import_corpus
from lemur2.corpus.importing.summary import Summary

__all__ = ["Summary", "import_corpus", "locate_source"]
