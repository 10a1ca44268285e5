"""Swin-T (Liu et al. 2021, "Swin Transformer: Hierarchical Vision Transformer using Shifted
Windows", arXiv:2103.14030, section 3).

Attention stays within windows of at most 7x7 tokens; every other block shifts the windows by half,
so that neighbours meet. Between stages 2x2 tokens merge into one. A grid that 7 does not divide
is cut into windows as even as possible, all of which use the one table of position biases.
Images under 64 pixels take patches at stride 2 instead of 4.
"""

import torch
from torch import nn
from torch.nn import functional as F

WINDOW = 7


def supported_hyperparameters() -> set[str]:
    return {"lr", "momentum"}


def window_side(tokens: int) -> int:
    """The side of the fewest equal windows, none above WINDOW, that cover a line of tokens."""
    windows = -(-tokens // WINDOW)
    return -(-tokens // windows)


class WindowAttention(nn.Module):
    """Attention within windows, biased by relative position: (B, H, W, D) -> (B, H, W, D)."""

    def __init__(self, width: int, heads: int, shifted: bool) -> None:
        super().__init__()
        self.heads = heads
        self.shifted = shifted
        self.query_key_value = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        self.position_bias = nn.Parameter(0.02 * torch.randn((2 * WINDOW - 1) ** 2, heads))

    def bias(self, high: int, wide: int) -> torch.Tensor:
        """Of each pair of tokens in a window of high x wide: (heads, T, T)."""
        device = self.position_bias.device
        rows = torch.arange(high, device=device).repeat_interleave(wide)
        columns = torch.arange(wide, device=device).repeat(high)
        down = rows[:, None] - rows[None, :] + WINDOW - 1
        right = columns[:, None] - columns[None, :] + WINDOW - 1
        return self.position_bias[down * (2 * WINDOW - 1) + right].permute(2, 0, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        height, width = x.shape[1:3]
        high, wide = window_side(height), window_side(width)
        shift_down = high // 2 if self.shifted and high < height else 0
        shift_right = wide // 2 if self.shifted and wide < width else 0
        x = F.pad(x, (0, 0, 0, -width % wide, 0, -height % high))
        x = x.roll((-shift_down, -shift_right), dims=(1, 2))
        apart = separation(x, (height, width), (shift_down, shift_right), (high, wide))
        x = self.attend(cut(x, high, wide), self.bias(high, wide), apart, x.shape)
        return x.roll((shift_down, shift_right), dims=(1, 2))[:, :height, :width]

    def attend(
        self, windows: torch.Tensor, bias: torch.Tensor, apart: torch.Tensor, shape: torch.Size
    ) -> torch.Tensor:
        """Attention in each of `windows` (B, N, h, w, D), laid out again as `shape`."""
        batch, count, high, wide, width = windows.shape
        qkv = self.query_key_value(windows)
        qkv = qkv.view(batch, count, high * wide, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(3, 0, 1, 4, 2, 5)
        scores = query @ key.transpose(-2, -1) * (width // self.heads) ** -0.5 + bias
        scores = scores.masked_fill(apart[:, None], -torch.inf)
        mixed = (scores.softmax(dim=-1) @ value).transpose(2, 3)
        out = self.output(mixed.reshape(batch, count, high, wide, width))
        rows, columns = shape[1] // high, shape[2] // wide
        return out.view(batch, rows, columns, high, wide, width).transpose(2, 3).reshape(shape)


def cut(x: torch.Tensor, high: int, wide: int) -> torch.Tensor:
    """(B, H, W, D) into windows (B, N, high, wide, D)."""
    batch, height, width, depth = x.shape
    x = x.view(batch, height // high, high, width // wide, wide, depth).transpose(2, 3)
    return x.reshape(batch, -1, high, wide, depth)


def separation(
    x: torch.Tensor, size: tuple[int, int], shift: tuple[int, int], window: tuple[int, int]
) -> torch.Tensor:
    """Which tokens of a window must not see each other: (N, T, T) of bool.

    Those that only the roll brought together from opposite edges, and padding from the rest.
    """
    rows = torch.arange(x.shape[1], device=x.device)
    columns = torch.arange(x.shape[2], device=x.device)
    row_kind = (rows < shift[0]).int() + 2 * (rows >= size[0]).int()
    column_kind = (columns < shift[1]).int() + 2 * (columns >= size[1]).int()
    kind = (3 * row_kind[:, None] + column_kind[None, :]).roll((-shift[0], -shift[1]), dims=(0, 1))
    kind = cut(kind[None, :, :, None], *window)[0].flatten(1)
    return kind[:, :, None] != kind[:, None, :]


class StochasticDepth(nn.Module):
    """While training, zeroes whole samples with chance `drop` and scales up the others."""

    def __init__(self, drop: float) -> None:
        super().__init__()
        self.drop = drop

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or self.drop == 0:
            return x
        keep = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.drop
        return x * keep / (1 - self.drop)


class Block(nn.Module):
    """Block `index` of 12: x + attention(norm(x)), then x + mlp(norm(x)); odd ones are shifted."""

    def __init__(self, index: int, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = WindowAttention(width, heads, shifted=index % 2 == 1)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
        )
        self.depth = StochasticDepth(0.2 * index / 11)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.depth(self.attention(self.norm1(x)))
        return x + self.depth(self.mlp(self.norm2(x)))


class PatchMerging(nn.Module):
    """Each 2x2 tokens to one, twice as wide; an odd side is padded with zeros."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * width)
        self.reduce = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.pad(x, (0, 0, 0, x.shape[2] % 2, 0, x.shape[1] % 2))
        left, right = x[:, :, 0::2], x[:, :, 1::2]
        corners = [left[:, 0::2], left[:, 1::2], right[:, 0::2], right[:, 1::2]]
        return self.reduce(self.norm(torch.cat(corners, dim=-1)))


class Net(nn.Module):
    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
        self.device = device
        stride = 4 if min(in_shape[2:]) >= 64 else 2
        self.patches = nn.Conv2d(in_shape[1], 96, kernel_size=4, stride=stride)
        self.patch_norm = nn.LayerNorm(96)
        self.stage1 = nn.Sequential(
            Block(0, 96, heads=3),
            Block(1, 96, heads=3),
        )
        self.stage2 = nn.Sequential(
            PatchMerging(96),
            Block(2, 192, heads=6),
            Block(3, 192, heads=6),
        )
        self.stage3 = nn.Sequential(
            PatchMerging(192),
            Block(4, 384, heads=12),
            Block(5, 384, heads=12),
            Block(6, 384, heads=12),
            Block(7, 384, heads=12),
            Block(8, 384, heads=12),
            Block(9, 384, heads=12),
        )
        self.stage4 = nn.Sequential(
            PatchMerging(384),
            Block(10, 768, heads=24),
            Block(11, 768, heads=24),
        )
        self.norm = nn.LayerNorm(768)
        self.classifier = nn.Linear(768, out_shape[0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch_norm(self.patches(x).permute(0, 2, 3, 1))
        x = self.stage1(x)
        x = self.stage2(x)
        x = self.stage3(x)
        x = self.stage4(x)
        return self.classifier(self.norm(x).mean(dim=(1, 2)))

    def train_setup(self, prm: dict) -> None:
        """AdamW, as in the paper. `lr` stays on SGD's scale: AdamW takes a twentieth of it."""
        self.to(self.device)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.AdamW(
            self.parameters(), lr=prm["lr"] / 20, betas=(prm["momentum"], 0.999), weight_decay=0.05
        )

    def learn(self, train_data) -> None:
        self.train()
        for inputs, labels in train_data:
            inputs, labels = inputs.to(self.device), labels.to(self.device)
            self.optimizer.zero_grad()
            loss = self.criterion(self(inputs), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), 3.0)
            self.optimizer.step()
