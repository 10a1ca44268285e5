# change: embed.out_channels = 48
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.embed = nn.Conv2d(in_shape[1], 32, 8, stride=8)
        # => self.embed = nn.Conv2d(in_shape[1], 48, 8, stride=8)
        layer = nn.TransformerEncoderLayer(32, nhead=4, dim_feedforward=64, batch_first=True)
        # => layer = nn.TransformerEncoderLayer(48, nhead=4, dim_feedforward=64, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(32)
        # => self.norm = nn.LayerNorm(48)
        self.head = nn.Linear(32, out_shape[0])
        # => self.head = nn.Linear(48, out_shape[0])

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        return self.head(self.norm(self.encoder(x)).mean(1))

    def train_setup(self, prm):
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.parameters(), lr=prm["lr"])

    def learn(self, train_data):
        for inputs, labels in train_data:
            self.optimizer.zero_grad()
            self.criterion(self(inputs), labels).backward()
            self.optimizer.step()


def supported_hyperparameters():
    return {"lr"}
