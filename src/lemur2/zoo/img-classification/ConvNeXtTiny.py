"""ConvNeXt-T (Liu et al. 2022, "A ConvNet for the 2020s", arXiv:2201.03545, section 2 and
appendix A).

A convolutional network built like a transformer: a 7x7 depthwise convolution mixes places, two
linear layers mix channels. While training, a block is left out for a sample with a chance that
grows with depth to 0.1. Images under 64 pixels take the first convolution at stride 2 instead
of 4.
"""

import torch
from torch import nn


def supported_hyperparameters() -> set[str]:
    return {"lr", "momentum"}


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of each pixel of (B, C, H, W)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


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
    """Block `index` of 18: x + scale * f(x), the scale learned for each channel from 1e-6."""

    def __init__(self, index: int, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.widen = nn.Linear(channels, 4 * channels)
        self.gelu = nn.GELU()
        self.narrow = nn.Linear(4 * channels, channels)
        self.scale = nn.Parameter(torch.full((channels,), 1e-6))
        self.depth = StochasticDepth(0.1 * index / 17)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.depthwise(x).permute(0, 2, 3, 1)
        out = self.narrow(self.gelu(self.widen(self.norm(out))))
        out = (self.scale * out).permute(0, 3, 1, 2)
        return x + self.depth(out)


class Net(nn.Module):
    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
        self.device = device
        stem_stride = 4 if min(in_shape[2:]) >= 64 else 2
        self.stem = nn.Sequential(
            nn.Conv2d(in_shape[1], 96, 4, stride=stem_stride),
            ChannelNorm(96, eps=1e-6),
        )
        self.stage1 = nn.Sequential(Block(0, 96), Block(1, 96), Block(2, 96))
        self.down1 = nn.Sequential(ChannelNorm(96, eps=1e-6), nn.Conv2d(96, 192, 2, stride=2))
        self.stage2 = nn.Sequential(Block(3, 192), Block(4, 192), Block(5, 192))
        self.down2 = nn.Sequential(ChannelNorm(192, eps=1e-6), nn.Conv2d(192, 384, 2, stride=2))
        self.stage3 = nn.Sequential(
            Block(6, 384),
            Block(7, 384),
            Block(8, 384),
            Block(9, 384),
            Block(10, 384),
            Block(11, 384),
            Block(12, 384),
            Block(13, 384),
            Block(14, 384),
        )
        self.down3 = nn.Sequential(ChannelNorm(384, eps=1e-6), nn.Conv2d(384, 768, 2, stride=2))
        self.stage4 = nn.Sequential(Block(15, 768), Block(16, 768), Block(17, 768))
        self.norm = nn.LayerNorm(768, eps=1e-6)
        self.classifier = nn.Linear(768, out_shape[0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stage1(self.stem(x))
        x = self.stage2(self.down1(x))
        x = self.stage3(self.down2(x))
        x = self.stage4(self.down3(x))
        return self.classifier(self.norm(x.mean(dim=(2, 3))))

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
