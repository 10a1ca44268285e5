"""The dictionary of operations that compositions are made of (section 11.2).

All of torchvision's that take an image and give one, with ranges within which an image stays
recognisable more often than not: what is useless is to be found out, not left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from lemur2.generators.transforms.parameters import Choice, Number, Parameter, Span, Twice


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A class in `torchvision.transforms` and how it may be called.

    Attributes:
        name: Of the class.
        parameters: What is chosen.
        fixed: Arguments that are always the same, as they are written.
        takes_tensors: It works on tensors only, so it stands after `ToTensor`.
    """

    name: str
    parameters: tuple[Parameter, ...] = ()
    fixed: Mapping[str, str] = field(default_factory=dict)
    takes_tensors: bool = False

    @property
    def size(self) -> int:
        """How many ways there are to call it."""
        return math.prod(parameter.size for parameter in self.parameters)

    def arguments(self, index: int) -> dict[str, object]:
        """The chosen arguments of this index, 0 <= index < size: mixed radix."""
        chosen = {}
        for parameter in self.parameters:
            index, position = divmod(index, parameter.size)
            chosen[parameter.name] = parameter.value(position)
        return chosen


LEAST_SIDE = 8  # pixels: what operations do to less is hard to see, and some cannot do it
_P = Number("p", 0.05, 1.0, 0.01)
_FILLINGS = Choice("padding_mode", ("constant", "edge", "reflect"))


def operations(side: int) -> dict[str, Operation]:
    """The dictionary, by name.

    Args:
        side: Pixels a side of the data set's images, by which crops and margins are sized.
    """
    found = (*_crops(side), *_geometry(side), *_colours(), *_sharpness(), *_mixtures())
    return {operation.name: operation for operation in found}


def _crops(side: int) -> tuple[Operation, ...]:
    size = Number("size", math.ceil(side / 2), side, 1)
    margin = Number("padding", 1, max(1, side // 4), 1)
    return (
        Operation(name="CenterCrop", parameters=(size,)),
        Operation(
            name="RandomCrop", parameters=(size, margin, _FILLINGS), fixed={"pad_if_needed": "True"}
        ),
        Operation(
            name="RandomResizedCrop",
            parameters=(
                size,
                Span("scale", 0.1, 1.0, 0.05),
                Choice("ratio", ((0.9, 1.1), (0.75, 1.3333), (0.5, 2.0))),
            ),
        ),
        Operation(name="Pad", parameters=(margin, _FILLINGS)),
    )


def _geometry(side: int) -> tuple[Operation, ...]:
    # ElasticTransform mirrors a margin of 4 sigma, which must be less than an image that was
    # cropped to half its side.
    smooth = max(1, (math.ceil(side / 2) - 2) // 2) / 2
    return (
        Operation(name="RandomHorizontalFlip", parameters=(_P,)),
        Operation(name="RandomVerticalFlip", parameters=(_P,)),
        Operation(name="RandomRotation", parameters=(Number("degrees", 1, 180, 1),)),
        Operation(
            name="RandomAffine",
            parameters=(
                Number("degrees", 0, 45, 1),
                Twice("translate", Number("translate", 0.0, 0.3, 0.05)),
                Span("scale", 0.6, 1.4, 0.1),
                Number("shear", 0, 30, 5),
            ),
        ),
        Operation(
            name="RandomPerspective",
            parameters=(Number("distortion_scale", 0.1, 0.8, 0.05), _P),
        ),
        Operation(
            name="ElasticTransform",
            parameters=(Number("alpha", 10.0, 100.0, 5.0), Number("sigma", 0.5, smooth, 0.5)),
        ),
        Operation(
            name="RandomErasing",
            parameters=(
                _P,
                Span("scale", 0.02, 0.5, 0.04),
                Choice("ratio", ((0.3, 3.3), (0.5, 2.0))),
                Choice("value", (0, "random")),
            ),
            takes_tensors=True,
        ),
    )


def _colours() -> tuple[Operation, ...]:
    strength = [Number(name, 0.0, 0.8, 0.1) for name in ("brightness", "contrast", "saturation")]
    return (
        Operation(name="ColorJitter", parameters=(*strength, Number("hue", 0.0, 0.5, 0.05))),
        Operation(name="Grayscale", fixed={"num_output_channels": "len(norm[0])"}),
        Operation(name="RandomGrayscale", parameters=(_P,)),
        Operation(name="RandomInvert", parameters=(_P,)),
        Operation(name="RandomPosterize", parameters=(Number("bits", 1, 7, 1), _P)),
        Operation(name="RandomSolarize", parameters=(Number("threshold", 0, 248, 8), _P)),
        Operation(name="RandomAutocontrast", parameters=(_P,)),
        Operation(name="RandomEqualize", parameters=(_P,)),
    )


def _sharpness() -> tuple[Operation, ...]:
    return (
        Operation(
            name="RandomAdjustSharpness",
            parameters=(Number("sharpness_factor", 0.0, 4.0, 0.25), _P),
        ),
        Operation(
            name="GaussianBlur",
            parameters=(Choice("kernel_size", (3, 5, 7)), Span("sigma", 0.1, 2.1, 0.1)),
        ),
    )


def _mixtures() -> tuple[Operation, ...]:
    """Those that draw from many others themselves."""
    return (
        Operation(
            name="RandAugment",
            parameters=(Number("num_ops", 1, 4, 1), Number("magnitude", 1, 20, 1)),
        ),
        Operation(name="TrivialAugmentWide", parameters=(Number("num_magnitude_bins", 5, 61, 1),)),
        Operation(
            name="AugMix",
            parameters=(
                Number("severity", 1, 6, 1),
                Number("mixture_width", 1, 4, 1),
                Number("alpha", 0.2, 2.0, 0.2),
            ),
        ),
    )
