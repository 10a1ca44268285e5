"""From a blueprint to a source file that a person can read."""

from textwrap import indent

from lemur2.generators.fractal.blueprint import KERNEL, MIN_POOLED, Blueprint, Layer


def write_source(blueprint: Blueprint, *, checkpointing: bool = False) -> str:
    """The network's complete file. Only what the network uses is written.

    Args:
        blueprint: Which network.
        checkpointing: It recomputes activations in the backward pass, block by block, where
            `prm["checkpointing"]` asks for it.
    """
    parts = [_head(blueprint, checkpointing), _unit(blueprint)]
    if blueprint.columns > 1:
        parts.append(_fractal(blueprint))
    parts.append(
        "\n\n".join(
            [
                _constructor(blueprint, checkpointing),
                _CHECKPOINTED_FORWARD if checkpointing else _FORWARD,
                _TRAIN_SETUP,
                _LEARN,
            ]
        )
    )
    return "\n\n\n".join(parts) + "\n"


def _head(blueprint: Blueprint, checkpointing: bool) -> str:
    names = ["lr", "momentum", *(["dropout"] if "dropout" in blueprint.layers else [])]
    declared = ", ".join(f'"{name}"' for name in names)
    checkpoint = "\nfrom torch.utils.checkpoint import checkpoint" if checkpointing else ""
    return f'''\
"""FractalNet: depth {blueprint.depth} (blocks), {_count(blueprint.columns, "column")}.

Unit: {", ".join(blueprint.layers)}.
"""

from collections.abc import Iterable

import torch
from torch import nn{checkpoint}


def supported_hyperparameters() -> set[str]:
    """What `prm` has to hold."""
    return {{{declared}}}'''


def _unit(blueprint: Blueprint) -> str:
    layers = "\n".join(_layer(layer, blueprint) + "," for layer in blueprint.layers)
    dropout = ", dropout: float" if "dropout" in blueprint.layers else ""
    return f'''\
class Unit(nn.Sequential):
    """One step of a column."""

    def __init__(self, inputs: int, outputs: int{dropout}) -> None:
        super().__init__(
{indent(layers, " " * 12)}
        )'''


def _layer(layer: Layer, blueprint: Blueprint) -> str:
    match layer:
        case "convolution":
            bias = "" if blueprint.bias else ", bias=False"
            return f"nn.Conv2d(inputs, outputs, kernel_size={KERNEL}, padding={KERNEL // 2}{bias})"
        case "normalization":
            return f"nn.BatchNorm2d({'inputs' if blueprint.normalizes_inputs else 'outputs'})"
        case "activation":
            return f"nn.{blueprint.activation}()"
        case "dropout":
            return "nn.Dropout(dropout)"


def _fractal(blueprint: Blueprint) -> str:
    dropout, passed = (
        (", dropout: float", ", dropout") if "dropout" in blueprint.layers else ("", "")
    )
    join = _drop_path(blueprint.drop_path) if blueprint.drop_path else _JOIN
    return f'''\
class Fractal(nn.Module):
    """f_1(x) = unit(x), f_C+1(x) = join(unit(x), f_C(f_C(x))); joins that meet are one."""

    def __init__(self, columns: int, inputs: int, outputs: int{dropout}) -> None:
        super().__init__()
        self.unit = Unit(inputs, outputs{passed})
        self.inner = nn.ModuleList()
        if columns > 1:
            self.inner.append(Fractal(columns - 1, inputs, outputs{passed}))
            self.inner.append(Fractal(columns - 1, outputs, outputs{passed}))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.join(self.paths(x))

    def paths(self, x: torch.Tensor) -> list[torch.Tensor]:
        """What each column gives at the last join, the shortest column first."""
        if not self.inner:
            return [self.unit(x)]
        first, second = self.inner
        return [self.unit(x), *second.paths(first(x))]

{join}'''


_JOIN = '''\
    def join(self, paths: list[torch.Tensor]) -> torch.Tensor:
        """The mean of the paths."""
        return torch.stack(paths).mean(dim=0) if len(paths) > 1 else paths[0]'''


def _drop_path(probability: float) -> str:
    return f'''\
    def join(self, paths: list[torch.Tensor]) -> torch.Tensor:
        """The mean of the paths; in training each sample drops some of them, never all."""
        stacked = torch.stack(paths)
        if not self.training:
            return stacked.mean(dim=0)
        chance = torch.rand(*stacked.shape[:2], 1, 1, 1, device=stacked.device)
        kept = (chance >= {probability}) | (chance == chance.amax(dim=0))
        return (stacked * kept).sum(dim=0) / kept.sum(dim=0)'''


def _constructor(blueprint: Blueprint, checkpointing: bool) -> str:
    block = "Fractal(columns, " if blueprint.columns > 1 else "Unit("
    dropout = ', prm["dropout"]' if "dropout" in blueprint.layers else ""
    constants = [f"widths = {blueprint.widths}"]
    if blueprint.columns > 1:
        constants.insert(0, f"columns = {blueprint.columns}")
    initialization = "" if "normalization" in blueprint.layers else _initialization(blueprint)
    options = ["self.device = device"]
    if checkpointing:
        options.append('self.checkpointing = prm.get("checkpointing", False)')
    return f'''\
class Net(nn.Module):
    """Blocks, each followed by pooling while the map allows it, and a linear classifier."""

    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
{_lines(constants)}
{_lines(options)}
        channels, size = in_shape[1], min(in_shape[2:])
        self.features = nn.Sequential()
        for width in widths:
            self.features.append({block}channels, width{dropout}))
            if size >= {MIN_POOLED}:
                self.features.append(nn.{blueprint.pooling}(2))
                size //= 2
            channels = width
        self.classifier = nn.Linear(channels, out_shape[0]){initialization}'''


def _initialization(blueprint: Blueprint) -> str:
    """He's initialization: without normalization, the default one lets deep signals fade."""
    nonlinearity = "relu" if blueprint.activation else "linear"
    return f'''
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="{nonlinearity}")'''


def _lines(statements: list[str]) -> str:
    return indent("\n".join(statements), " " * 8)


_FORWARD = """\
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features(x)
        return self.classifier(x.mean(dim=(2, 3)))"""

_CHECKPOINTED_FORWARD = """\
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.features:
            if self.checkpointing and self.training:
                x = checkpoint(block, x, use_reentrant=False)
            else:
                x = block(x)
        return self.classifier(x.mean(dim=(2, 3)))"""

_TRAIN_SETUP = """\
    def train_setup(self, prm: dict) -> None:
        self.to(self.device)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.parameters(), lr=prm["lr"], momentum=prm["momentum"])\
"""

_LEARN = """\
    def learn(self, train_data: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> None:
        self.train()
        for inputs, labels in train_data:
            inputs, labels = inputs.to(self.device), labels.to(self.device)
            self.optimizer.zero_grad()
            loss = self.criterion(self(inputs), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), max_norm=3.0)
            self.optimizer.step()"""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
