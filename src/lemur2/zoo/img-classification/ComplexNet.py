"""A small complex-valued residual network, from the parts of Trabelsi et al. 2018, "Deep Complex
Networks", arXiv:1705.09792: complex convolution (section 3.2), batch normalisation that whitens
the real and imaginary parts together (3.5), and CReLU (3.4).

Takes complex or real images; a real image has imaginary part zero.
"""

import torch
from torch import nn


def supported_hyperparameters() -> set[str]:
    return {"lr", "momentum"}


class ComplexConv2d(nn.Module):
    """Convolves with a complex kernel A + iB: (A * x - B * y) + i (B * x + A * y) for x + iy."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        padding = kernel // 2
        self.real = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, bias=False)
        self.imag = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, bias=False)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        x, y = z.real, z.imag
        return torch.complex(self.real(x) - self.imag(y), self.imag(x) + self.real(y))


class ComplexBatchNorm2d(nn.Module):
    """Centres each channel, makes its 2x2 covariance the identity, then scales and shifts.

    `scale` holds the symmetric matrix (rr, ii, ri) of each channel, `shift` (real, imaginary).
    """

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        half = 2**-0.5  # gives |z| unit variance
        start = torch.tensor([half, half, 0.0]).view(3, 1, 1, 1)
        self.scale = nn.Parameter(start.repeat(1, channels, 1, 1))
        self.shift = nn.Parameter(torch.zeros(2, channels, 1, 1))
        self.register_buffer("running_mean", torch.zeros(2, channels, 1, 1))
        self.register_buffer("running_covariance", start.repeat(1, channels, 1, 1))

    def statistics(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean (2, C, 1, 1) and covariance (3, C, 1, 1): the batch's, or the running ones."""
        if not self.training:
            return self.running_mean, self.running_covariance
        x, y = z.real, z.imag
        axes = (0, 2, 3)
        mean = torch.stack([x.mean(axes), y.mean(axes)])[..., None, None]
        x, y = x - mean[0], y - mean[1]
        moments = torch.stack([(x * x).mean(axes), (y * y).mean(axes), (x * y).mean(axes)])
        covariance = moments[..., None, None]
        self.running_mean.lerp_(mean.detach(), self.momentum)
        self.running_covariance.lerp_(covariance.detach(), self.momentum)
        return mean, covariance

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        mean, (rr, ii, ri) = self.statistics(z)
        rr, ii = rr + self.eps, ii + self.eps
        x, y = z.real - mean[0], z.imag - mean[1]
        # The inverse square root of a 2x2 matrix, in closed form.
        root = (rr * ii - ri * ri).sqrt()
        factor = 1 / (root * (rr + ii + 2 * root).sqrt())
        white_x = factor * ((ii + root) * x - ri * y)
        white_y = factor * ((rr + root) * y - ri * x)
        scale_rr, scale_ii, scale_ri = self.scale
        return torch.complex(
            scale_rr * white_x + scale_ri * white_y + self.shift[0],
            scale_ri * white_x + scale_ii * white_y + self.shift[1],
        )


class ComplexReLU(nn.Module):
    """ReLU of the real and of the imaginary part."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return torch.complex(z.real.relu(), z.imag.relu())


class ResidualBlock(nn.Module):
    """z + f(z), f two 3x3 complex convolutions, each after normalisation and activation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn1 = ComplexBatchNorm2d(channels)
        self.conv1 = ComplexConv2d(channels, channels, 3)
        self.bn2 = ComplexBatchNorm2d(channels)
        self.conv2 = ComplexConv2d(channels, channels, 3)
        self.relu = ComplexReLU()

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        out = self.conv1(self.relu(self.bn1(z)))
        out = self.conv2(self.relu(self.bn2(out)))
        return z + out


class Net(nn.Module):
    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
        self.device = device
        self.features = nn.Sequential(
            ComplexConv2d(in_shape[1], 12, 3, stride=2),
            ComplexBatchNorm2d(12),
            ComplexReLU(),
            ComplexConv2d(12, 24, 3, stride=2),
            ResidualBlock(24),
            ComplexBatchNorm2d(24),
            ComplexReLU(),
            ComplexConv2d(24, 48, 3, stride=2),
            ResidualBlock(48),
            ComplexBatchNorm2d(48),
            ComplexReLU(),
        )
        self.classifier = nn.Linear(2 * 48, out_shape[0])

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        if not z.is_complex():
            z = torch.complex(z, torch.zeros_like(z))
        z = self.features(z).mean(dim=(2, 3))
        return self.classifier(torch.cat([z.real, z.imag], dim=1))

    def train_setup(self, prm: dict) -> None:
        self.to(self.device)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(
            self.parameters(), lr=prm["lr"], momentum=prm["momentum"], weight_decay=1e-4
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
