"""Pictures with a named row per thing: rankings, ranges, intervals, counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from lemur2.statistics.drawing.style import GREY, PALETTE, ROW, WIDTH, colours, new_figure, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = Sequence[float] | np.ndarray


@dataclass(kw_only=True)
class Rows:
    """What is drawn, the first row on top.

    Attributes:
        names: Beside the axis; long ones are shortened.
        values: The points.
        title, label: Of the picture and of its axis, with units.
        low, high: Ends of a range or interval around each point.
        hollow: A second point per row.
        point, hollow_point, span: What the legend calls them.
        notes: Written at the right of each row.
        groups: Colours the points, with a legend.
        limits: Of the axis.
        zero: A line at 0.
        logarithmic: The axis is.
    """

    names: Sequence[str]
    values: Numbers
    title: str
    label: str
    low: Numbers | None = None
    high: Numbers | None = None
    hollow: Numbers | None = None
    point: str = ""
    hollow_point: str = ""
    span: str = ""
    notes: Sequence[str] = field(default_factory=tuple)
    groups: Sequence[str] = field(default_factory=tuple)
    limits: tuple[float, float] | None = None
    zero: bool = False
    logarithmic: bool = False


def draw_rows(rows: Rows) -> Figure:
    """A point per row. No bars: an axis of points need not start at 0."""
    count = len(rows.names)
    figure, (axes,) = new_figure(WIDTH, 1.2 + ROW * max(count, 2))
    places = np.arange(count)
    if rows.low is not None and rows.high is not None:
        axes.hlines(places, rows.low, rows.high, color=GREY, linewidth=3.5, alpha=0.55)
    if rows.hollow is not None:
        axes.scatter(rows.hollow, places, s=34, facecolor="white", edgecolor=PALETTE[3], zorder=3)
    _points(axes, rows, places)
    _frame(axes, rows, places)
    _legend(figure, axes, rows)
    return figure


def _points(axes: Axes, rows: Rows, places: np.ndarray) -> None:
    groups = rows.groups or [""] * len(places)
    shades = colours(groups)
    tones = [shades[group] for group in groups]
    axes.scatter(rows.values, places, s=38, c=tones, zorder=4)


def _frame(axes: Axes, rows: Rows, places: np.ndarray) -> None:
    axes.set_yticks(places, [short(name) for name in rows.names])
    axes.set_ylim(len(places) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(rows.label)
    axes.set_title(rows.title)
    if rows.limits is not None:
        axes.set_xlim(*rows.limits)
    else:
        axes.margins(x=0.06)
    if rows.logarithmic:
        axes.set_xscale("log")
    if rows.zero:
        axes.axvline(0, color="black", linewidth=0.8)
    for place, note in zip(places, rows.notes, strict=False):
        axes.annotate(
            note,
            (1.01, place),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
            annotation_clip=False,
        )


def _legend(figure: Figure, axes: Axes, rows: Rows) -> None:
    from matplotlib.lines import Line2D

    dot = {"marker": "o", "linestyle": "", "markersize": 6}
    made = [
        Line2D([], [], color=shade, label=short(name, 24), **dot)  # type: ignore[arg-type]
        for name, shade in colours(rows.groups).items()
        if shade != GREY
    ]
    if rows.groups and GREY in colours(rows.groups).values():
        made.append(Line2D([], [], color=GREY, label="others", **dot))  # type: ignore[arg-type]
    if rows.point:
        made.append(Line2D([], [], color=PALETTE[0], label=rows.point, **dot))  # type: ignore[arg-type]
    if rows.hollow_point:
        hollow = {**dot, "markerfacecolor": "white", "markeredgecolor": PALETTE[3]}
        made.append(Line2D([], [], label=rows.hollow_point, **hollow))  # type: ignore[arg-type]
    if rows.span:
        made.append(Line2D([], [], color=GREY, linewidth=3.5, alpha=0.55, label=rows.span))
    if made:
        figure.legend(handles=made, loc="outside lower center", ncols=min(4, len(made)))
