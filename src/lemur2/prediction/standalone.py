"""Predictions of the network in this folder, with torch and torchvision alone.

    python predict.py PICTURE [PICTURE ...]       classes and probabilities, a line each
    python predict.py --top 3 --json PICTURE

The network is in net.py, its weights in model.safetensors, its transform in transform.py, and what
it was trained with in config.json.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import struct
import sys
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageOps
from torchvision import transforms as T
from torchvision.transforms.v2 import functional as F

HERE = Path(__file__).parent
DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
# Random operations: what changes from call to call is left out of predictions.
RANDOM = (
    *("AugMix", "AutoAugment", "ColorJitter", "ElasticTransform", "RandAugment", "RandomAffine"),
    *("RandomAdjustSharpness", "RandomAutocontrast", "RandomChoice", "RandomEqualize"),
    *("RandomErasing", "RandomGrayscale", "RandomHorizontalFlip", "RandomInvert"),
    *("RandomPerspective", "RandomPosterize", "RandomRotation", "RandomSolarize"),
    *("RandomVerticalFlip", "TrivialAugmentWide", "GaussianBlur"),
)


def module(name: str) -> Any:
    """A file of this folder as a module."""
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[name] = found
    spec.loader.exec_module(found)
    return found


def weights(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file: eight bytes of length, a JSON head, then the data."""
    data = bytearray(path.read_bytes())
    (length,) = struct.unpack("<Q", data[:8])
    head = json.loads(data[8 : 8 + length])
    head.pop("__metadata__", None)
    found = {}
    for name, about in head.items():
        start, end = (8 + length + offset for offset in about["data_offsets"])
        dtype = DTYPES[about["dtype"]]
        if start == end:
            found[name] = torch.empty(about["shape"], dtype=dtype)
        else:
            raw = torch.frombuffer(data[start:end], dtype=torch.uint8)
            found[name] = raw.view(dtype).reshape(about["shape"])
    return found


def raw(path: Path, shape: list[int]) -> torch.Tensor:
    """A picture as the data set had them: uint8 (C, H, W)."""
    channels, height, width = shape
    with Image.open(path) as opened:
        picture = ImageOps.exif_transpose(opened)
        if picture.mode.startswith("I"):  # of 16 bits the upper 8 count
            picture = picture.convert("I")
            highest: Any = picture.getextrema()[1]
            if highest > 255:
                picture = picture.point(lambda value: value * (1 / 256))
        elif picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
            ground = Image.new("RGBA", picture.size, "white")
            ground.alpha_composite(picture.convert("RGBA"))
            picture = ground.convert("RGB")
        elif picture.mode not in ("1", "L"):
            picture = picture.convert("RGB")
        picture = picture.convert("L" if channels == 1 else "RGB")
    if picture.size != (width, height):
        picture = ImageOps.fit(picture, (width, height), Image.Resampling.BILINEAR)
    return F.pil_to_tensor(picture)


def transformed(operation: Any, image: torch.Tensor) -> torch.Tensor:
    """One operation of the transform as it is in evaluation: nothing about it is random."""
    name = type(operation).__name__
    if name in ("Compose", "Sequential"):
        for each in getattr(operation, "transforms", operation):
            image = transformed(each, image)
        return image
    if name == "RandomApply":
        inner = T.Compose(operation.transforms)
        return transformed(inner, image) if operation.p >= 1 else image
    if name in RANDOM:
        always = getattr(operation, "p", 0) == 1 and name.startswith("Random")
        return operation(image) if always and name != "RandomErasing" else image
    if name == "RandomCrop":
        return cropped(operation, image)
    if name in ("Resize", "RandomResizedCrop"):
        return resized(operation, image)
    if name == "ToTensor":
        return image.float() / 255 if image.dtype == torch.uint8 else image
    return operation(image)


def cropped(operation: Any, image: torch.Tensor) -> torch.Tensor:
    """The middle, of the padded picture where the operation pads."""
    padding = operation.padding
    if padding is not None:
        given = [padding] if isinstance(padding, int) else list(padding)
        image = F.pad(image, given, operation.fill, operation.padding_mode)
    return F.center_crop(image, list(operation.size))


def resized(operation: Any, image: torch.Tensor) -> torch.Tensor:
    """The whole picture in another size."""
    size = [operation.size] if isinstance(operation.size, int) else list(operation.size)
    mode, longest = operation.interpolation, getattr(operation, "max_size", None)
    if mode is T.InterpolationMode.NEAREST:
        mode = T.InterpolationMode.NEAREST_EXACT  # as Pillow does it
    return F.resize(image, size, mode, max_size=longest, antialias=True)


class Predictor:
    """The network with its weights, ready to predict."""

    def __init__(self) -> None:
        self.config = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
        self.transform = None
        if (HERE / "transform.py").is_file():
            norm = (tuple(self.config["mean"]), tuple(self.config["std"]))
            self.transform = module("transform").transform(norm)
        blank = torch.zeros(self.config["sample_shape"], dtype=torch.uint8)
        shape = (self.config["prm"]["batch"], *self.prepared(blank).shape)
        made = module("net").Net
        outputs, prm = tuple(self.config["outputs"]), dict(self.config["prm"])
        self.net = made(shape, outputs, prm, torch.device("cpu"))
        self.net.load_state_dict(weights(HERE / "model.safetensors"), strict=False)
        self.net.eval()

    def prepared(self, image: torch.Tensor) -> torch.Tensor:
        """A raw picture as the network takes it."""
        if self.transform is None:
            return image.float() / 255
        return transformed(self.transform, image)

    def __call__(self, path: Path, top: int = 1) -> list[tuple[str, float]]:
        """The likeliest classes of a picture, with their probabilities."""
        image = self.prepared(raw(path, self.config["sample_shape"]))
        with torch.no_grad():
            output = self.net(image[None])
        while not isinstance(output, torch.Tensor):
            output = next(iter(output.values() if isinstance(output, dict) else output))
        shares = output[0].double().softmax(0)
        best = shares.argsort(descending=True, stable=True)[:top]
        names = self.config["classes"]
        return [(names[int(index)], float(shares[index])) for index in best]


def main() -> int:
    """Predict what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--top", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    predictor, failed = Predictor(), 0
    for path in asked.pictures:
        try:
            ranked = predictor(path, asked.top)
        except (OSError, ValueError) as error:
            failed += 1
            print(f"{path}: cannot be read: {error}", file=sys.stderr)
            continue
        assert all(math.isfinite(share) for _, share in ranked)
        if asked.json:
            found = [{"prediction": name, "probability": share} for name, share in ranked]
            print(json.dumps({"file": str(path), **found[0], "top": found}))
        else:
            print(f"{path}  {', '.join(f'{name} {share:.1%}' for name, share in ranked)}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
