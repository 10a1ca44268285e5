"""A character model with long short-term memory (Hochreiter and Schmidhuber 1997, "Long
Short-Term Memory"; for text: Graves 2013, "Generating Sequences With Recurrent Neural Networks",
arXiv:1308.0850).

(B, S) integer characters in, (B, S, V) scores of the next character out; the state starts at zero
with every sequence.
"""

import torch
from torch import nn


def supported_hyperparameters() -> set[str]:
    return {"lr", "momentum"}


class Net(nn.Module):
    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
        self.device = device
        vocabulary = out_shape[0]
        self.embedding = nn.Embedding(vocabulary, 64)
        self.recurrent = nn.LSTM(64, 256, batch_first=True)
        self.output = nn.Linear(256, vocabulary)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        states, _ = self.recurrent(self.embedding(x))
        return self.output(states)

    def train_setup(self, prm: dict) -> None:
        """Adam; the gradients of a recurrence are too uneven for plain SGD."""
        self.to(self.device)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(
            self.parameters(), lr=prm["lr"], betas=(prm["momentum"], 0.999)
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
