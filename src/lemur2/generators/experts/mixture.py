"""The text that makes a mixture of its experts: the gate, and class Net with routing and losses.

Written after section 4 of the paper's supplement. Every file says what it does in plain PyTorch;
only what a mixture uses is written.
"""

from __future__ import annotations

from collections.abc import Sequence

from lemur2.generators.experts.blueprint import Blueprint

MIXUP = 0.2  # alpha of the Beta distribution, section 4.1
SMOOTHING = 0.1  # of the labels, section 4.3.2
CLIPPING = {"sgd": 3.0, "adamw": 1.0}  # max-norm, section 4.3.1: 1 or 3; stronger for experiment 3
EXPERTS_RATE = 0.1  # experts' learning rate over the gate's, experiment 3
WARM_UP = 0.1  # share of the steps in which the rate rises


def write_mixture(
    blueprint: Blueprint, classes: Sequence[str], hyperparameters: Sequence[str]
) -> str:
    """A complete file, but for the experts' classes.

    Args:
        blueprint: Which mixture.
        classes: The experts' classes, one for each of `blueprint.experts`.
        hyperparameters: What the experts declare.
    """
    own = {"lr"} | ({"momentum"} if blueprint.recipe == "sgd" else set())
    declared = ", ".join(f'"{name}"' for name in sorted(own | set(hyperparameters)))
    return "\n\n\n".join(
        [
            _imports(blueprint),
            f"def supported_hyperparameters() -> set[str]:\n    return {{{declared}}}",
            _gate(blueprint),
            _net(blueprint, classes),
        ]
    )


def _imports(blueprint: Blueprint) -> str:
    functional = "\nfrom torch.nn import functional as F" if blueprint.diversity else ""
    return f"import math\n\nimport torch\nfrom torch import nn{functional}"


# -- gates --------------------------------------------------------------------------------------


def _gate(blueprint: Blueprint) -> str:
    match blueprint.gate:
        case "convolutional":
            return _CONVOLUTIONAL
        case "feedforward":
            return _FEEDFORWARD
        case "improved":
            return _IMPROVED.format(temperature=blueprint.temperature, noise=blueprint.noise)


_CONVOLUTIONAL = '''\
class Gate(nn.Module):
    """Two strided convolutions and a linear layer: a logit for each expert."""

    def __init__(self, channels: int, experts: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 16, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(32, experts),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)'''

_FEEDFORWARD = '''\
class Gate(nn.Module):
    """Two fully connected layers on an 8x8 thumbnail: a logit for each expert."""

    def __init__(self, channels: int, experts: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.AdaptiveAvgPool2d(8),
            nn.Flatten(),
            nn.Linear(channels * 64, 128, bias=False),
            nn.BatchNorm1d(128),
            nn.ReLU(),
            nn.Linear(128, experts),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)'''

_IMPROVED = '''\
class Gate(nn.Module):
    """ImprovedGate: convolutions, then fully connected layers; its noise has a learned scale.

    Gives a logit for each expert, over the temperature of the softmax that is to follow.
    """

    def __init__(self, channels: int, experts: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 16, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(128, 64),
            nn.ReLU(),
            nn.Linear(64, experts),
        )
        self.temperature = {temperature}
        self.noise = nn.Parameter(torch.tensor({noise}))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = self.layers(x)
        if self.training:
            logits = logits + self.noise * torch.randn_like(logits)
        return logits / self.temperature'''


# -- the network --------------------------------------------------------------------------------


def _net(blueprint: Blueprint, classes: Sequence[str]) -> str:
    mix = _sparse(blueprint) if blueprint.top else _SOFT
    train_setup, learn = _training(blueprint)
    parts = [_constructor(blueprint, classes), _FORWARD, mix]
    if blueprint.balance:
        parts.append(_BALANCE)
    if blueprint.diversity:
        parts.append(_DIVERSITY)
    return "\n\n".join([*parts, train_setup, learn, _DIAGNOSTICS])


def _constructor(blueprint: Blueprint, classes: Sequence[str]) -> str:
    if len(classes) == 1:
        experts = (
            f"nn.ModuleList(\n            {classes[0]}(in_shape, out_shape, prm, device) "
            f"for _ in range({blueprint.number})\n        )"
        )
    else:
        lines = [f"                {name}(in_shape, out_shape, prm, device)," for name in classes]
        experts = "\n".join(
            ["nn.ModuleList(", "            [", *lines, "            ]", "        )"]
        )
    routing = (
        f"The {blueprint.top} experts of {blueprint.number} that the gate prefers, by its weights."
        if blueprint.top
        else "y(x) = sum of g_i(x) f_i(x): all experts' scores, weighted by the gate."
    )
    top = f"\n        self.top = {blueprint.top}" if blueprint.top else ""
    noise = "" if blueprint.gate == "improved" else f"\n        self.noise = {blueprint.noise}"
    return f'''\
class Net(nn.Module):
    """{routing}"""

    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
        self.device = device
        self.experts = {experts}
        self.gate = Gate(in_shape[1], len(self.experts)){top}{noise}
        self.classes = out_shape[0]
        self.routed = torch.zeros(len(self.experts), self.classes)'''


_FORWARD = """\
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.mix(x)[0]"""

_SOFT = '''\
    def mix(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores (B, classes), and the weights of the experts (B, experts)."""
        logits = self.gate(x)
        if self.training and self.noise:
            logits = logits + self.noise * torch.randn_like(logits)
        weights = logits.softmax(dim=1)
        # A copy each: an expert's file may change its input in place.
        scores = torch.stack([expert(x.clone()) for expert in self.experts], dim=1)
        return (weights.unsqueeze(2) * scores).sum(dim=1), weights'''


def _sparse(blueprint: Blueprint) -> str:
    weights = (
        "weights = best / best.sum(dim=1, keepdim=True)"
        if blueprint.top > 1
        else "weights = best / best.detach()  # 1, and yet the gate hears what the expert did"
    )
    noise = (
        ""
        if blueprint.gate == "improved"
        else """
        if self.training and self.noise:
            logits = logits + self.noise * torch.randn_like(logits)"""
    )
    return f'''\
    def mix(
        self, x: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Scores (B, classes), and how they came about.

        That is the gate's probabilities (B, experts), the chosen experts (B, top), their weights
        and their scores (B, top, classes). An expert runs on the samples that chose it alone.
        """
        logits = self.gate(x){noise}
        probabilities = logits.softmax(dim=1)
        best, chosen = probabilities.topk(self.top, dim=1)
        {weights}
        opinions = x.new_zeros(x.shape[0], self.top, self.classes)
        for index, expert in enumerate(self.experts):  # one that nobody chose gets an empty batch
            rows, places = (chosen == index).nonzero(as_tuple=True)
            if self.training and not len(rows):
                continue  # nor does the optimizer change it
            found = expert(x[rows]).to(opinions.dtype)
            opinions = opinions.index_put((rows, places), found)
        scores = (weights.unsqueeze(2) * opinions).sum(dim=1)
        return scores, probabilities, chosen, weights, opinions'''


_BALANCE = '''\
    def balance(self, probabilities: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        """How far the experts' shares of the batch are from equal: 0 where they are.

        Counting has no gradient: the value is the counts', the gradient the mean probabilities'.
        """
        experts = len(self.experts)
        counted = torch.bincount(chosen.flatten(), minlength=experts) / chosen.numel()
        expected = probabilities.mean(dim=0)
        shares = expected + (counted - expected).detach()
        return experts * (shares - 1 / experts).square().sum()'''

_DIVERSITY = '''\
    def diversity(self, weights: torch.Tensor, opinions: torch.Tensor) -> torch.Tensor:
        """Mean correlation of two experts drawn by their weights, itself included (B, top).

        1 where one expert has all the weight, or all agree; lower the more they differ and the
        more evenly they are used: 1 less Rao's quadratic entropy.
        """
        centred = F.normalize(opinions - opinions.mean(dim=2, keepdim=True), dim=2)
        correlation = centred @ centred.transpose(1, 2)
        return (weights.unsqueeze(1) @ correlation @ weights.unsqueeze(2)).mean()'''

_DIAGNOSTICS = '''\
    def diagnostics(self) -> dict[str, list[list[float]]]:
        """Since the last call, the weight that the samples of each class gave to each expert."""
        routing = self.routed.tolist()
        self.routed.zero_()
        return {"routing": routing}'''


_SPREAD = """torch.zeros(len(inputs), len(self.experts), device=self.device).scatter(
                1, chosen, weights.detach()
            )"""


# -- training -----------------------------------------------------------------------------------


def _training(blueprint: Blueprint) -> tuple[str, str]:
    setup = _ADAMW if blueprint.recipe == "adamw" else _SGD
    mixing = _MIXUP if blueprint.recipe == "adamw" else ""
    criterion = (
        "share * self.criterion(scores, labels) + (1 - share) * self.criterion(scores, others)"
        if blueprint.recipe == "adamw"
        else "self.criterion(scores, labels)"
    )
    losses = [f"            loss = {criterion}"]
    if blueprint.balance:
        losses.append(
            f"            loss = loss + {blueprint.balance} * self.balance(probabilities, chosen)"
        )
    if blueprint.diversity:
        losses.append(
            f"            loss = loss + {blueprint.diversity} * self.diversity(weights, opinions)"
        )
    unused = "" if blueprint.diversity else "_"
    parts = f"scores, probabilities, chosen, weights, {'opinions' if not unused else '_'}"
    if not blueprint.balance:
        parts = parts.replace("probabilities", "_")
    found = parts if blueprint.top else "scores, weights"
    used = _SPREAD if blueprint.top else "weights.detach()"
    learn = f"""\
    def learn(self, train_data) -> None:
        self.train()
        if self.schedule is None:
            self.schedule = torch.optim.lr_scheduler.LambdaLR(
                self.optimizer, self.rate(len(train_data) * self.epochs)
            )
        for inputs, labels in train_data:
            inputs, labels = inputs.to(self.device), labels.to(self.device)
{mixing}            {found} = self.mix(inputs)
{chr(10).join(losses)}
            self.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), {CLIPPING[blueprint.recipe]})
            self.optimizer.step()
            self.schedule.step()
            used = {used}
            self.routed.index_add_(1, labels.cpu(), used.T.cpu())"""
    return f"{setup}\n\n{_RATE}", learn


_MIXUP = f"""\
            share = torch.distributions.Beta({MIXUP}, {MIXUP}).sample().item()
            share = max(share, 1 - share)  # `labels` stay the larger part
            order = torch.randperm(len(inputs), device=self.device)
            inputs, others = share * inputs + (1 - share) * inputs[order], labels[order]
"""

_ADAMW = f"""\
    def train_setup(self, prm: dict) -> None:
        self.to(self.device)
        self.criterion = nn.CrossEntropyLoss(label_smoothing={SMOOTHING})
        self.optimizer = torch.optim.AdamW(
            [
                {{"params": self.gate.parameters(), "lr": prm["lr"]}},
                {{"params": self.experts.parameters(), "lr": {EXPERTS_RATE} * prm["lr"]}},
            ],
            weight_decay=1e-4,
        )
        self.epochs, self.schedule = prm["epoch"], None"""

_SGD = """\
    def train_setup(self, prm: dict) -> None:
        self.to(self.device)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(
            self.parameters(), lr=prm["lr"], momentum=prm["momentum"], weight_decay=1e-4
        )
        self.epochs, self.schedule = prm["epoch"], None"""

_RATE = f'''\
    def rate(self, steps: int):
        """Factor on the learning rate by step: a linear warm-up, then half a cosine to 0."""
        warm = max(1, round({WARM_UP} * steps))

        def factor(step: int) -> float:
            if step < warm:
                return (step + 1) / warm
            done = min(1.0, (step - warm) / max(1, steps - warm))
            return 0.5 * (1 + math.cos(math.pi * done))

        return factor'''
