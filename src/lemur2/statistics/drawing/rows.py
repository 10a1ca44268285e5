"""Pictures with a named row per thing: rankings, ranges, intervals, counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

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
        name_length: Characters of a name that are shown.
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
    name_length: int = 30


def draw_rows(rows: Rows) -> Figure:
    """A point per row. No bars: an axis of points need not start at 0."""
    count = len(rows.names)
    figure, (axes,) = new_figure(WIDTH, 1.2 + ROW * max(count, 2))
    places = np.arange(count)
    if rows.low is not None and rows.high is not None:
        axes.hlines(places, rows.low, rows.high, color=GREY, linewidth=3.5, alpha=0.55)
    if rows.hollow is not None:
        axes.scatter(rows.hollow, places, s=80, facecolor="none", edgecolor=PALETTE[3], zorder=5)
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
    axes.set_yticks(places, [short(name, rows.name_length) for name in rows.names])
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
        plain_log(axes.xaxis)
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

    tones = colours(rows.groups)
    made = [dot(short(name, 24), tone) for name, tone in tones.items() if tone != GREY]
    if GREY in tones.values():
        made.append(dot("others", GREY))
    if rows.point:
        made.append(dot(rows.point, PALETTE[0]))
    if rows.span:
        made.append(Line2D([], [], color=GREY, linewidth=3.5, alpha=0.55, label=rows.span))
    if rows.hollow_point:
        made.append(dot(rows.hollow_point, PALETTE[3], hollow=True))
    if made:
        figure.legend(handles=made, loc="outside lower center", ncols=min(4, len(made)))
