"""A corpus in the forms that others read."""

from lemur2.corpus.exporting.field import export_field
from lemur2.corpus.exporting.huggingface import export_huggingface
from lemur2.corpus.exporting.parquet import export_parquet

__all__ = ["export_field", "export_huggingface", "export_parquet"]
