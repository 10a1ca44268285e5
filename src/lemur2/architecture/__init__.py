"""Source text in, an immutable value out: contract, names, digests. Imports no torch."""

from lemur2.architecture.candidate import Candidate, Kind
from lemur2.architecture.digest import canonical_digest
from lemur2.architecture.names import content_name, family, prefix, whitespace_md5
from lemur2.architecture.source import Architecture
from lemur2.architecture.syntax import decode_source
from lemur2.architecture.transform import TransformSource
from lemur2.architecture.verdict import Refusal, Verdict
from lemur2.architecture.zoo import zoo_names, zoo_source

__all__ = [
    "Architecture",
    "Candidate",
    "Kind",
    "Refusal",
    "TransformSource",
    "Verdict",
    "canonical_digest",
    "content_name",
    "decode_source",
    "family",
    "prefix",
    "whitespace_md5",
    "zoo_names",
    "zoo_source",
]
