"""Pictures in two dimensions: fronts, curves, heat maps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lemur2.statistics.drawing.style import (
    GREY,
    PALETTE,
    ROW,
    WIDTH,
    colours,
    dot,
    new_figure,
    plain_log,
    short,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage


@dataclass(kw_only=True)
class Cloud:
    """A scatter with its Pareto front.

    Attributes:
        x, y: The points.
        groups: Of each point; the largest few are coloured.
        front: Indices of the front by rising x.
        names: Of the points; those of the front are numbered and listed.
        title, x_label, y_label: With units.
        ceiling: Where given, y is drawn by its distance from there on a logarithmic axis, upside
            down, so that points crowding below it come apart; `y_label` names that distance.
    """

    x: np.ndarray
    y: np.ndarray
    groups: Sequence[str]
    front: np.ndarray
    names: Sequence[str]
    title: str
    x_label: str
    y_label: str
    ceiling: float | None = None

    @property
    def height(self) -> np.ndarray:
        """y as it is drawn."""
        return self.y if self.ceiling is None else self.ceiling - self.y


FEW = 100  # points; fewer are drawn larger


def draw_cloud(cloud: Cloud, listed: int = 12) -> Figure:
    """Points, the front as a staircase, and a numbered list of the front's networks."""
    figure, (axes,) = new_figure(WIDTH + 1.5, 5.0)
    groups = pd.Series(list(cloud.groups))
    ordered = list(groups.value_counts().index)
    shades = colours(ordered)
    size = 11 if len(groups) > FEW else 30
    for name in reversed(ordered):
        chosen = (groups == name).to_numpy()
        axes.scatter(
            cloud.x[chosen],
            cloud.height[chosen],
            s=size,
            alpha=0.55,
            color=shades[name],
            linewidth=0,
            rasterized=True,  # thousands of points would make the SVG huge
        )
    _staircase(axes, cloud)
    _cloud_axes(axes, cloud)
    places = _spread(cloud.front, listed)
    _cloud_legend(figure, cloud, groups.value_counts(), shades, places)
    figure.draw_without_rendering()  # lays out: where numbers fit depends on the axes' size
    _number(figure, axes, cloud, places)
    return figure


def _cloud_axes(axes: Axes, cloud: Cloud) -> None:
    axes.set_xscale("log")
    plain_log(axes.xaxis)
    if cloud.ceiling is not None:
        axes.set_yscale("log")
        axes.invert_yaxis()
        plain_log(axes.yaxis)
    axes.set_xlabel(cloud.x_label)
    axes.set_ylabel(cloud.y_label)
    axes.set_title(cloud.title)


def _staircase(axes: Axes, cloud: Cloud) -> None:
    x, y = cloud.x[cloud.front], cloud.height[cloud.front]
    axes.step(x, y, where="post", color="black", linewidth=1.2, zorder=4)
    axes.scatter(x, y, s=26, facecolor="white", edgecolor="black", zorder=5)


def _cloud_legend(
    figure: Figure,
    cloud: Cloud,
    sizes: pd.Series,
    shades: Mapping[str, str],
    places: Sequence[int],
) -> None:
    from matplotlib.lines import Line2D

    coloured = {str(name): int(count) for name, count in sizes.items()}
    made = [
        dot(f"{short(name, 20)} ({count:,})", shades[name])
        for name, count in coloured.items()
        if shades[name] != GREY
    ]
    rest = sum(count for name, count in coloured.items() if shades[name] == GREY)
    if rest:
        made.append(dot(f"others ({rest:,})", GREY))
    made.append(Line2D([], [], color="black", marker="o", markerfacecolor="white", label="front"))
    for number, place in enumerate(places, start=1):
        text = f"{number}  {short(cloud.names[place], 26)}"
        made.append(Line2D([], [], linestyle="", label=text))
    figure.legend(handles=made, loc="outside right upper", handlelength=1.4)


# Where a number may stand beside its point, in points (1/72 inch), the first best.
_BESIDE = ((-8, 8), (0, 10), (8, -9), (0, -11), (-11, -2), (12, 3), (-15, 13), (8, 15), (16, -14))
_CLEAR = 11.0  # points between two numbers


def _number(figure: Figure, axes: Axes, cloud: Cloud, places: Sequence[int]) -> None:
    """Number points of the front so that no two numbers overlap where there is room."""
    points = axes.transData.transform(np.c_[cloud.x[places], cloud.height[places]])
    points = points * 72 / figure.dpi
    taken: list[np.ndarray] = []
    for number, (place, point) in enumerate(zip(places, points, strict=True), start=1):
        offsets = [np.array(offset, dtype=float) for offset in _BESIDE]
        free = [
            offset
            for offset in offsets
            if all(np.hypot(*(point + offset - other)) >= _CLEAR for other in taken)
        ]
        offset = free[0] if free else offsets[0]
        taken.append(point + offset)
        axes.annotate(
            str(number),
            (cloud.x[place], cloud.height[place]),
            xytext=tuple(offset),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=8,
            fontweight="bold",
        )


def _spread(front: np.ndarray, listed: int) -> list[int]:
    """At most `listed` of the front, evenly spread, with both ends."""
    chosen = np.unique(np.linspace(0, len(front) - 1, min(listed, len(front))).round().astype(int))
    return [int(front[place]) for place in chosen]


@dataclass(kw_only=True)
class Curves:
    """One panel of lines.

    Attributes:
        lines: Name -> frame with the columns epoch, mean, and (to be shaded) low, high.
        title, y_label: With n and units.
        x_label: Of the other axis.
        limits: What a score can be: an interval is drawn no further.
        counts: How many networks each line is of, for the legend.
    """

    lines: Mapping[str, pd.DataFrame]
    title: str
    y_label: str
    x_label: str = "epoch"
    limits: tuple[float, float] = (-math.inf, math.inf)
    counts: Mapping[str, int] = field(default_factory=dict)


def draw_curves(panels: Sequence[Curves], title: str = "") -> Figure:
    """Panels side by side, a colour per name throughout."""
    most = max(len(panel.lines) for panel in panels)
    height = 3.8 + 0.2 * math.ceil(most / _LEGEND_COLUMNS)
    figure, axes = new_figure(WIDTH + 1.5, height, columns=len(panels))
    shades: dict[str, str] = {}
    for panel, place in zip(panels, axes, strict=True):
        shades |= _shades(panel, shades)
        for name, line in panel.lines.items():
            place.plot(line["epoch"], line["mean"], color=shades[name], linewidth=1.6, label=name)
            if "low" in line:
                low, high = line["low"].clip(*panel.limits), line["high"].clip(*panel.limits)
                place.fill_between(line["epoch"], low, high, color=shades[name], alpha=0.12)
        _curve_axes(place, panel)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


_LEGEND_COLUMNS = 2  # under each panel


def _shades(panel: Curves, known: Mapping[str, str]) -> dict[str, str]:
    """A colour per line: the one it had in an earlier panel, else one that is free in this."""
    kept = {name: known[name] for name in panel.lines if name in known}
    free = iter([tone for tone in PALETTE if tone not in kept.values()])
    return {name: kept.get(name) or next(free, GREY) for name in panel.lines}


def _counted(name: str, count: int | None) -> str:
    return name if count is None else f"{name} ({count:,})"


def _curve_axes(axes: Axes, panel: Curves) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_title(panel.title, fontsize=10)
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
    handles, names = axes.get_legend_handles_labels()
    axes.legend(
        handles,
        [_counted(short(name, 22), panel.counts.get(name)) for name in names],
        loc="upper center",
        bbox_to_anchor=(0.5, -0.15),
        ncols=_LEGEND_COLUMNS,
    )


@dataclass(kw_only=True)
class Heat:
    """A matrix with a number in each cell.

    Attributes:
        values: Rows and columns named; NaN cells stay empty.
        notes: A second line in each cell (n), of the same shape.
        title, label: Of the picture and of the colour bar, with units.
        span: The colours' ends.
        diverging: Colours around the middle of the span, else from low to high.
        digits: After the point.
    """

    values: pd.DataFrame
    title: str
    label: str
    span: tuple[float, float]
    notes: pd.DataFrame | None = None
    diverging: bool = False
    digits: int = 2


TALL = 4.0  # inches: room for the label of a colour bar


def draw_heat(panels: Sequence[Heat]) -> Figure:
    """Matrices side by side with one colour bar."""
    rows, columns = panels[0].values.shape
    width = max(WIDTH, 1.8 + 0.72 * columns * len(panels))
    height = max(TALL, 1.9 + 1.35 * ROW * rows)
    figure, axes = new_figure(width, height, columns=len(panels), sharey=True)
    for panel, place in zip(panels, axes, strict=True):
        image = place.imshow(
            np.ma.masked_invalid(panel.values.to_numpy(dtype=float)),
            cmap="RdBu" if panel.diverging else "cividis",
            vmin=panel.span[0],
            vmax=panel.span[1],
            aspect="auto",
        )
        place.grid(False)
        place.set_xticks(range(panel.values.shape[1]), [short(str(c), 20) for c in panel.values])
        place.tick_params(axis="x", rotation=35)
        for tick in place.get_xticklabels():
            tick.set_horizontalalignment("right")
            tick.set_rotation_mode("anchor")
        place.set_yticks(range(rows), [short(str(name)) for name in panel.values.index])
        place.set_title(panel.title)
        _cells(place, image, panel)
    figure.colorbar(image, ax=axes, label=panels[0].label, shrink=0.9, pad=0.01)
    return figure


def _cells(axes: Axes, image: AxesImage, panel: Heat) -> None:
    values = panel.values.to_numpy(dtype=float)
    notes = None if panel.notes is None else panel.notes.to_numpy(dtype=float)
    for row, column in np.argwhere(~np.isnan(values)):
        value = values[row, column]
        text = f"{value:.{panel.digits}f}"
        if notes is not None:
            text += f"\n{int(notes[row, column]):,}"
        red, green, blue, _ = image.to_rgba(np.array([value]))[0]
        dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5  # luma
        tone = "white" if dark else "black"
        axes.text(column, row, text, ha="center", va="center", color=tone, fontsize=7.5)
