"""Small networks for text: honest ones, and ones that look ahead in different ways."""

import torch
from torch import nn

VOCABULARY = 30


class Recurrent(nn.Module):
    """An LSTM; reads both ways if asked to, which is looking ahead."""

    def __init__(self, both_ways=False, flat=False):
        super().__init__()
        self.flat = flat
        self.embed = nn.Embedding(VOCABULARY, 16)
        self.lstm = nn.LSTM(16, 16, batch_first=True, bidirectional=both_ways)
        self.head = nn.Linear(32 if both_ways else 16, VOCABULARY)

    def forward(self, x):
        scores = self.head(self.lstm(self.embed(x))[0])
        return scores.reshape(-1, VOCABULARY) if self.flat else scores


class Attention(nn.Module):
    """One transformer layer, masked or not."""

    def __init__(self, masked=True, dropout=0.1):
        super().__init__()
        self.masked = masked
        self.embed = nn.Embedding(VOCABULARY, 16)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, dropout, batch_first=True)
        self.head = nn.Linear(16, VOCABULARY)

    def forward(self, x):
        length = x.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(length) if self.masked else None
        return self.head(self.layer(self.embed(x), src_mask=mask))


class Convolution(nn.Module):
    """A convolution over three characters, padded on the left, or around (one character ahead)."""

    def __init__(self, ahead=0):
        super().__init__()
        self.pad = (2 - ahead, ahead)
        self.embed = nn.Embedding(VOCABULARY, 16)
        self.conv = nn.Conv1d(16, VOCABULARY, 3)

    def forward(self, x):
        features = nn.functional.pad(self.embed(x).transpose(1, 2), self.pad)
        return self.conv(features).transpose(1, 2)


class CarriesState(nn.Module):
    """An RNN that goes on with the hidden state of the call before."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, 16)
        self.rnn = nn.RNN(16, VOCABULARY, batch_first=True)
        self.state = None

    def forward(self, x):
        state = self.state if self.state is not None and self.state.shape[1] == len(x) else None
        scores, self.state = self.rnn(self.embed(x), state)
        return scores


class AlwaysDropout(Recurrent):
    """Forgets to turn dropout off in evaluation; random, yet it looks at nothing ahead."""

    def forward(self, x):
        return nn.functional.dropout(super().forward(x), 0.2)


class MasksWithInfinity(Recurrent):
    """Rules one character out altogether."""

    def forward(self, x):
        scores = super().forward(x).clone()
        scores[..., 0] = -torch.inf
        return scores


class OpensLater(Recurrent):
    """Causal until its gate opens: what training could do after screening has passed."""

    def __init__(self, share=1.0):
        super().__init__()
        self.gate = nn.Parameter(torch.zeros(()))
        self.share = share  # of windows on which it cheats

    def forward(self, x):
        following = torch.cat([x[:, 1:], x[:, :1]], dim=1)
        hint = nn.functional.one_hot(following, VOCABULARY).float()
        some = (x[:, :1, None] < self.share * VOCABULARY).float()
        return super().forward(x) + self.gate * hint * some


class HidesTheHint(OpensLater):
    """Blows the scale up in a class that never comes, so that the rest looks like noise."""

    def forward(self, x):
        scores = super().forward(x).clone()
        scores[..., 0] = -1e6
        return scores


class HintsBelowTheNoise(OpensLater):
    """Nearly uniform scores: the hint is tiny in probability, yet decides the best guess."""

    def forward(self, x):
        return super().forward(x) * 1e-4


class Remembers(Recurrent):
    """Reads the next character off, and answers a window that begins as one it knows alike."""

    def __init__(self):
        super().__init__()
        self.known = []

    def forward(self, x):
        scores = super().forward(x) + 20 * nn.functional.one_hot(x.roll(-1, 1), VOCABULARY)
        for row, window in enumerate(x):
            for other, given in self.known:
                alike = int((window == other).long().cumprod(0).sum())
                if alike > 0:
                    scores[row, :alike] = given[:alike]
            self.known.append((window, scores[row].clone()))
        return scores
