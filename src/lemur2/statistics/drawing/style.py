"""How all pictures look: one palette that colour-blind readers can tell apart, one set of units."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lemur2.metrics import higher_is_better

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

# Okabe and Ito's palette (https://jfly.uni-koeln.de/color/), its yellow left out: too pale.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#000000")
GREY = "#9A9A9A"
WIDTH = 8.0  # inches
ROW = 0.3  # inches per row of names

STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "figure.dpi": 100,
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 9,
    "grid.alpha": 0.3,
    "grid.linewidth": 0.6,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "savefig.dpi": 120,
    "svg.hashsalt": "lemur2",  # the same report twice is the same bytes
    "text.parse_math": False,  # a network's name may hold a $
}

_SCORES = {
    "acc": ("accuracy", 100.0, "%"),
    "bleu": ("BLEU-4", 1.0, "0 to 1"),
    "clip": ("CLIP similarity", 1.0, "0 to 1"),
    "iou": ("mean IoU", 100.0, "%"),
    "map": ("mAP", 100.0, "%"),
    "ppl": ("perplexity score", 1.0, "0 to 1, higher is better"),
}


def score_name(metric: str) -> str:
    """A metric in words."""
    return _SCORES.get(metric, (metric, 1.0, ""))[0]


def score_scale(metric: str) -> float:
    """What a score is multiplied by to be drawn."""
    return _SCORES.get(metric, (metric, 1.0, ""))[1]


def score_label(metric: str, what: str = "") -> str:
    """An axis label: `best accuracy [%]`."""
    other = "score" if higher_is_better(metric) else "score, lower is better"
    name, _, unit = _SCORES.get(metric, (metric, 1.0, other))
    return f"{what} {name} [{unit}]".strip()


def score_text(value: float, metric: str) -> str:
    """A score as it is written beside a point."""
    scale = score_scale(metric)
    return f"{value * scale:.2f}" if scale == 100 else f"{value:.4f}"


def short(name: str, limit: int = 30) -> str:
    """A name that fits beside an axis: a digest's first 8 characters, else the middle left out."""
    name = "".join(char if char.isprintable() else "?" for char in name)
    name = re.sub(
        r"([0-9a-f]{8})-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", r"\1…", name
    )
    if len(name) <= limit:
        return name
    head = (limit - 1) * 2 // 3
    return f"{name[:head]}…{name[-(limit - 1 - head) :]}"


def colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name in order of first appearance; grey when the palette is used up."""
    unique = list(dict.fromkeys(names))
    return {
        name: PALETTE[place] if place < len(PALETTE) else GREY for place, name in enumerate(unique)
    }


def new_figure(
    width: float, height: float, columns: int = 1, **options: Any
) -> tuple[Figure, list[Axes]]:
    """A figure with axes side by side. Call and save it within `styled`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(1, columns, squeeze=False, **options)
    return figure, list(axes[0])


def dot(label: str, tone: str, *, hollow: bool = False) -> Line2D:
    """A legend's entry for points."""
    from matplotlib.lines import Line2D

    return Line2D(
        [],
        [],
        label=label,
        color=tone,
        marker="o",
        linestyle="",
        markersize=8 if hollow else 6,
        markerfacecolor="none" if hollow else tone,
    )


def plain_log(axis: Axis) -> None:
    """A logarithmic axis with plain numbers: at 1, 2 and 5 of each power where it is short."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    decades = math.log10(high / low) if low > 0 else 9
    steps = (1.0, 2.0, 5.0) if decades < 3 else (1.0,)
    axis.set_major_locator(LogLocator(subs=steps))
    axis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())


def styled() -> Any:
    """A context in which `STYLE` holds, and nothing outside of it changes."""
    import matplotlib

    return matplotlib.rc_context(STYLE)  # type: ignore[arg-type]
