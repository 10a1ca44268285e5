"""Input transforms: the named family, and any file that defines `transform(norm)`.

Imports no torch; `lemur2.transforms.pipeline`, which runs a transform, does.
"""

from lemur2.transforms.names import (
    TransformSource,
    import_installed,
    transform_names,
    transform_source,
)

__all__ = ["TransformSource", "import_installed", "transform_names", "transform_source"]
