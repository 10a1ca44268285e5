"""Modules of the kinds that people write, and some that no network can be made of."""

# ruff: noqa: E501
# fmt: off

HEAD = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n\n"
PLAIN = """
class Plain(nn.Module):
    def __init__(self, in_channels=3, num_classes=10, width=8):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, width, 3, padding=1)
        self.fc = nn.Linear(width, num_classes)

    def forward(self, x):
        return self.fc(F.relu(self.conv(x)).mean((2, 3)))
"""
GOOD = {
    "plain": PLAIN,
    "sizes without defaults": PLAIN.replace("in_channels=3, num_classes=10", "in_channels, num_classes"),
    "keyword only": PLAIN.replace("in_channels=3,", "*, in_channels=3,"),
    "called Net": PLAIN.replace("Plain", "Net") + "\n\ndef build():\n    return Net()\n",
    "a helper and constants": "WIDTH = 8\n\ndef act(x):\n    return F.gelu(x)\n"
    + PLAIN.replace("width=8", "width=WIDTH").replace("F.relu(", "act("),
    "blocks in the same file": """
class Block(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(c_in, c_out, 3, 2, 1), nn.BatchNorm2d(c_out), nn.SiLU())

    def forward(self, x):
        return self.body(x)


class Stacked(nn.Module):
    def __init__(self, n_channels, n_classes, depth=3):
        super().__init__()
        self.blocks = nn.ModuleList([Block(n_channels if i == 0 else 8, 8) for i in range(depth)])
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, n_classes))

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x)
""",
    "a base class": PLAIN.replace("class Plain(nn.Module)", "class Base(nn.Module):\n    pass\n\n\nclass Plain(Base)"),
    "a configuration object": "from dataclasses import dataclass\n\n\n@dataclass\nclass Config:\n    width: int = 8\n\n"
    + PLAIN.replace("width=8", "config=Config()").replace("width", "config.width"),
    "a tuple comes out": PLAIN.replace("return self.fc(F.relu(self.conv(x)).mean((2, 3)))",
        "h = F.relu(self.conv(x)).mean((2, 3))\n        return self.fc(h), h"),
    "a dictionary comes out": PLAIN.replace("return self.fc(", "return {'logits': self.fc(").replace("(2, 3)))", "(2, 3)))}"),
    "an auxiliary classifier": PLAIN.replace("self.fc = ", "self.aux = nn.Linear(width, num_classes)\n        self.fc = ").replace(
        "return self.fc(F.relu(self.conv(x)).mean((2, 3)))",
        "h = F.relu(self.conv(x)).mean((2, 3))\n        return (self.fc(h), self.aux(h)) if self.training else self.fc(h)"),
    "an image size": """
class Patches(nn.Module):
    def __init__(self, img_size=224, patch=4, in_chans=3, num_classes=1000, dim=16):
        super().__init__()
        self.embed = nn.Conv2d(in_chans, dim, patch, patch)
        self.place = nn.Parameter(torch.zeros(1, (img_size // patch) ** 2, dim))
        self.head = nn.Linear(dim, num_classes)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2) + self.place
        return self.head(x.mean(1))
""",
    "buffers and own initialisation": PLAIN.replace("    def forward", """        self.register_buffer("scale", torch.ones(1))
        self.apply(self._init)

    def _init(self, m):
        if isinstance(m, nn.Linear):
            nn.init.xavier_uniform_(m.weight)

    def forward"""),
    "an optional second input": PLAIN.replace("def forward(self, x)", "def forward(self, x, mask=None)"),
    "a docstring and the future": '"""A module."""\n\nfrom __future__ import annotations\n\n' + PLAIN.replace("width=8", "width: int = 8"),
    "a sequential": """
class Chain(nn.Sequential):
    def __init__(self, in_channels=3, num_classes=10):
        super().__init__(
            nn.Conv2d(in_channels, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(8, num_classes))
""",
}  # fmt: skip
BAD = {
    "two inputs": (PLAIN.replace("forward(self, x)", "forward(self, x, other)"), "shape", "missing 1 required"),
    "a size that nothing says": (PLAIN.replace("self, in_channels", "self, width, in_channels").replace(", width=8", ""), "contract", "has to be given width"),
    "a constructor that opens a file": (
        PLAIN.replace("super().__init__()", "super().__init__()\n        open('/etc/passwd').read()"), "forbidden", "Permission denied"),
    "a package of one's own": ("from mine.layers import Layer\n" + PLAIN, "import", "mine"),
    "no module": ("x = 1\n", "contract", "no class that is a torch.nn.Module"),
    "no Python": ("class :\n", "syntax", ""),
}  # fmt: skip
