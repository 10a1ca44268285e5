"""ViT-B/16 (Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words: Transformers for Image
Recognition at Scale", arXiv:2010.11929, equations 1-4 and table 1).

An image becomes a sequence of 16x16 patches, a class token goes in front, and twelve transformer
blocks follow. Images under 64 pixels take overlapping patches, at stride 8 instead of 16. The
position embedding always belongs to the 14x14 patches of a 224-pixel image, and is interpolated
to any other grid, as section 3.2 does for other resolutions.
"""

import torch
from torch import nn
from torch.nn import functional as F


def supported_hyperparameters() -> set[str]:
    return {"lr", "momentum", "dropout"}


class SelfAttention(nn.Module):
    """Every token looks at every token, in `heads` subspaces: (B, T, D) -> (B, T, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, tokens, width = x.shape
        qkv = self.query_key_value(x).view(batch, tokens, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self.output(mixed.transpose(1, 2).reshape(batch, tokens, width))


class EncoderBlock(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x))."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attention = SelfAttention(width, heads)
        self.dropout = nn.Dropout(dropout)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, width),
            nn.Dropout(dropout),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.dropout(self.attention(self.norm1(x)))
        return x + self.mlp(self.norm2(x))


class Net(nn.Module):
    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
        self.device = device
        dropout = prm["dropout"]
        stride = 16 if min(in_shape[2:]) >= 64 else 8
        self.patches = nn.Conv2d(in_shape[1], 768, kernel_size=16, stride=stride)
        self.class_token = nn.Parameter(torch.zeros(1, 1, 768))
        self.positions = nn.Parameter(0.02 * torch.randn(1, 1 + 14 * 14, 768))
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.Sequential(
            EncoderBlock(768, heads=12, hidden=3072, dropout=dropout),
            EncoderBlock(768, heads=12, hidden=3072, dropout=dropout),
            EncoderBlock(768, heads=12, hidden=3072, dropout=dropout),
            EncoderBlock(768, heads=12, hidden=3072, dropout=dropout),
            EncoderBlock(768, heads=12, hidden=3072, dropout=dropout),
            EncoderBlock(768, heads=12, hidden=3072, dropout=dropout),
            EncoderBlock(768, heads=12, hidden=3072, dropout=dropout),
            EncoderBlock(768, heads=12, hidden=3072, dropout=dropout),
            EncoderBlock(768, heads=12, hidden=3072, dropout=dropout),
            EncoderBlock(768, heads=12, hidden=3072, dropout=dropout),
            EncoderBlock(768, heads=12, hidden=3072, dropout=dropout),
            EncoderBlock(768, heads=12, hidden=3072, dropout=dropout),
        )
        self.norm = nn.LayerNorm(768, eps=1e-6)
        self.classifier = nn.Linear(768, out_shape[0])

    def grid_positions(self, height: int, width: int) -> torch.Tensor:
        """Embeddings of a grid's positions, (1, 768, height, width)."""
        grid = self.positions[:, 1:].transpose(1, 2).view(1, 768, 14, 14)
        if (height, width) == (14, 14):
            return grid
        return F.interpolate(grid, size=(height, width), mode="bilinear", align_corners=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patches(x)
        x = x + self.grid_positions(*x.shape[2:])
        tokens = x.flatten(2).transpose(1, 2)
        first = (self.class_token + self.positions[:, :1]).expand(len(x), -1, -1)
        tokens = self.encoder(self.dropout(torch.cat([first, tokens], dim=1)))
        return self.classifier(self.norm(tokens[:, 0]))

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
