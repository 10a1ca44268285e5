"""Brute-force transforms: compositions of torchvision's operations with random parameters.

After section 11.2 of the paper's supplement. `operations` is the dictionary of what may be
composed, `space` says which compositions there are and walks them, `template` writes them as
files, `generator` proposes them.
"""

from lemur2.generators.transforms.generator import TransformsConfig, TransformsGenerator

__all__ = ["TransformsConfig", "TransformsGenerator"]
