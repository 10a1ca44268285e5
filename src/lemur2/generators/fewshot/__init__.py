"""Few-shot architecture prompting (section 10 of the paper's supplement)."""

from lemur2.generators.fewshot.generator import FewShotConfig, FewShotGenerator

__all__ = ["FewShotConfig", "FewShotGenerator"]
