"""Networks of retrieved blocks: NN-RAG as a generator (paper, section 9.6)."""

from lemur2.generators.retrieval.generator import RetrievalConfig, RetrievalGenerator

__all__ = ["RetrievalConfig", "RetrievalGenerator"]
