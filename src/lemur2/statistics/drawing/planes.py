"""Pictures in two dimensions: fronts, curves, heat maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lemur2.statistics.drawing.style import GREY, ROW, WIDTH, colours, new_figure, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(kw_only=True)
class Cloud:
    """A scatter with its Pareto front.

    Attributes:
        x, y: The points.
        groups: Of each point; the largest few are coloured.
        front: Indices of the front by rising x.
        names: Of the points; those of the front are numbered and listed.
        title, x_label, y_label: With units.
    """

    x: np.ndarray
    y: np.ndarray
    groups: Sequence[str]
    front: np.ndarray
    names: Sequence[str]
    title: str
    x_label: str
    y_label: str


def draw_cloud(cloud: Cloud, listed: int = 12) -> Figure:
    """Points, the front as a staircase, and a numbered list of the front's networks."""
    figure, (axes,) = new_figure(WIDTH + 1.5, 5.0)
    groups = pd.Series(list(cloud.groups))
    ordered = list(groups.value_counts().index)
    shades = colours(ordered)
    for name in reversed(ordered):
        chosen = (groups == name).to_numpy()
        axes.scatter(
            cloud.x[chosen],
            cloud.y[chosen],
            s=11,
            alpha=0.55,
            color=shades[name],
            linewidth=0,
            rasterized=True,  # thousands of points would make the SVG huge
        )
    _staircase(axes, cloud)
    axes.set_xscale("log")
    axes.set_xlabel(cloud.x_label)
    axes.set_ylabel(cloud.y_label)
    axes.set_title(cloud.title)
    _cloud_legend(figure, axes, cloud, groups.value_counts(), shades, listed)
    return figure


def _staircase(axes: Axes, cloud: Cloud) -> None:
    x, y = cloud.x[cloud.front], cloud.y[cloud.front]
    axes.step(x, y, where="post", color="black", linewidth=1.2, zorder=4)
    axes.scatter(x, y, s=26, facecolor="white", edgecolor="black", zorder=5)


def _cloud_legend(
    figure: Figure,
    axes: Axes,
    cloud: Cloud,
    sizes: pd.Series,
    shades: Mapping[str, str],
    listed: int,
) -> None:
    from matplotlib.lines import Line2D

    dot = {"marker": "o", "linestyle": "", "markersize": 5}
    made = [
        Line2D([], [], color=shades[str(name)], label=f"{short(str(name), 20)} ({count:,})", **dot)  # type: ignore[arg-type]
        for name, count in sizes.items()
        if shades[str(name)] != GREY
    ]
    rest = sum(count for name, count in sizes.items() if shades[str(name)] == GREY)
    if rest:
        made.append(Line2D([], [], color=GREY, label=f"others ({rest:,})", **dot))  # type: ignore[arg-type]
    made.append(Line2D([], [], color="black", marker="o", markerfacecolor="white", label="front"))
    for number, place in enumerate(_spread(cloud.front, listed), start=1):
        axes.annotate(
            str(number),
            (cloud.x[place], cloud.y[place]),
            xytext=(-3, 6),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            fontweight="bold",
        )
        text = f"{number}  {short(cloud.names[place], 26)}"
        made.append(Line2D([], [], linestyle="", label=text))
    figure.legend(handles=made, loc="outside right upper", handlelength=1.4)


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
    """

    lines: Mapping[str, pd.DataFrame]
    title: str
    y_label: str
    x_label: str = "epoch"


def draw_curves(panels: Sequence[Curves], title: str = "") -> Figure:
    """Panels side by side, a colour per name throughout."""
    figure, axes = new_figure(WIDTH + 1.5, 4.4, columns=len(panels))
    shades = colours(name for panel in panels for name in panel.lines)
    for panel, place in zip(panels, axes, strict=True):
        for name, line in panel.lines.items():
            place.plot(line["epoch"], line["mean"], color=shades[name], linewidth=1.6)
            if "low" in line:
                place.fill_between(
                    line["epoch"], line["low"], line["high"], color=shades[name], alpha=0.18
                )
        place.set_title(panel.title)
        place.set_xlabel(panel.x_label)
        place.set_ylabel(panel.y_label)
        place.xaxis.get_major_locator().set_params(integer=True)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    _line_legend(figure, shades)
    return figure


def _line_legend(figure: Figure, shades: Mapping[str, str]) -> None:
    from matplotlib.lines import Line2D

    made = [Line2D([], [], color=tone, label=short(name, 26)) for name, tone in shades.items()]
    figure.legend(handles=made, loc="outside lower center", ncols=4)


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


def draw_heat(panels: Sequence[Heat]) -> Figure:
    """Matrices side by side with one colour bar."""
    rows, columns = panels[0].values.shape
    width = max(WIDTH, 1.8 + 0.72 * columns * len(panels))
    figure, axes = new_figure(width, 1.9 + 1.35 * ROW * rows, columns=len(panels), sharey=True)
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
        _cells(place, panel)
    figure.colorbar(image, ax=axes, label=panels[0].label, shrink=0.9, pad=0.01)
    return figure


def _cells(axes: Axes, panel: Heat) -> None:
    low, high = panel.span
    for row in range(panel.values.shape[0]):
        for column in range(panel.values.shape[1]):
            value = float(panel.values.iat[row, column])
            if np.isnan(value):
                continue
            text = f"{value:.{panel.digits}f}"
            if panel.notes is not None:
                text += f"\n{int(panel.notes.iat[row, column]):,}"
            share = (value - low) / (high - low)
            dark = abs(share - 0.5) > 0.33 if panel.diverging else share < 0.5
            tone = "white" if dark else "black"
            axes.text(column, row, text, ha="center", va="center", color=tone, fontsize=7.5)
