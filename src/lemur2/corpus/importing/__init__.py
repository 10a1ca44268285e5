"""An existing corpus in the field's layout, read into this one. Runs none of its code."""

from lemur2.corpus.importing.download import locate_source
from lemur2.corpus.importing.importer import Source, import_corpus, unfinished_imports
from lemur2.corpus.importing.summary import Summary

__all__ = ["Source", "Summary", "import_corpus", "locate_source", "unfinished_imports"]
