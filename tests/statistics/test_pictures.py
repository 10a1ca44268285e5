"""Every picture: readable, nothing cut off, nothing over something else."""

import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from lemur2.statistics.drawing.planes import Cloud, draw_cloud
from lemur2.statistics.drawing.rows import Rows, draw_rows
from lemur2.statistics.drawing.style import PALETTE, colours, score_label, short, styled
from lemur2.statistics.pareto import pareto_front
from lemur2.statistics.sections import SECTIONS


@pytest.fixture(scope="module")
def pictures(material):
    return [picture for section in SECTIONS for picture in section().build(material).pictures]


def test_names_are_unique(pictures):
    names = [picture.name for picture in pictures]
    assert len(set(names)) == len(names)
    assert all(picture.title and picture.caption for picture in pictures)


def visible(labels, low, high, place):
    """Labels with text whose tick is within the axis, by the tick's place on the screen."""
    return [label for label in labels if label.get_text() and low - 1 <= place(label) <= high + 1]


def tick_labels(axes):
    def across(label):
        return axes.transData.transform((label.get_position()[0], axes.get_ylim()[0]))[0]

    def upwards(label):
        return axes.transData.transform((axes.get_xlim()[0], label.get_position()[1]))[1]

    box = axes.bbox
    return (
        visible(axes.get_xticklabels(), box.x0, box.x1, across),
        visible(axes.get_yticklabels(), box.y0, box.y1, upwards),
    )


def check(figure):
    """Axis labels are there; tick labels do not overlap; all is within the figure."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    for axes in figure.axes:
        both = tick_labels(axes)
        for labels in both:
            if any(label.get_rotation() for label in labels):
                continue  # their boxes overlap where the turned text does not
            boxes = [label.get_window_extent(renderer) for label in labels]
            for one, other in itertools.combinations(boxes, 2):
                assert not one.shrunk(0.98, 0.8).overlaps(other)
        titles = [child for child in axes.get_children() if isinstance(child, Text)]
        texts = (*both[0], *both[1], axes.xaxis.label, axes.yaxis.label, *titles)
        for text in filter(lambda text: text.get_text(), texts):
            box = text.get_window_extent(renderer)
            assert box.x0 >= -1, text.get_text()
            assert box.x1 <= figure.bbox.x1 + 1, text.get_text()
            assert box.y0 >= -1, text.get_text()
            assert box.y1 <= figure.bbox.y1 + 1, text.get_text()
    return figure


def test_every_picture_of_the_report_is_readable(pictures):
    with styled():
        for picture in pictures:
            figure = check(picture.draw())
            main = figure.axes[0]
            named = main.get_xlabel() or main.get_title("left")
            assert named, picture.name


@pytest.mark.parametrize("count", [1, 2, 24, 60])
def test_rows_of_any_number_and_length(count):
    rows = Rows(
        names=[f"family-{place}-{'0123456789abcdef' * 2}" for place in range(count)],
        values=np.linspace(0.99, 0.9901, count),
        low=np.linspace(0.98, 0.99, count),
        high=np.linspace(0.9901, 0.9999, count),
        hollow=np.linspace(0.1, 0.2, count),
        notes=["n = 123,456"] * count,
        groups=[f"group {place % 9}" for place in range(count)],
        point="point",
        span="span",
        hollow_point="hollow",
        title="title",
        label="accuracy [%]",
    )
    with styled():
        check(draw_rows(rows))


@pytest.mark.parametrize("count", [1, 3, 5000])
def test_clouds_of_any_size(count):
    random = np.random.default_rng(0)
    x = 10 ** random.uniform(-1, 5, count)
    y = np.sqrt(random.uniform(0, 99, count) * 99)
    cloud = Cloud(
        x=x,
        y=y,
        groups=[f"g{place % 12}" for place in range(count)],
        front=pareto_front(x, y),
        names=[f"n{place}" for place in range(count)],
        title="title",
        x_label="seconds",
        y_label="accuracy",
        ceiling=100.0,
    )
    with styled():
        figure = check(draw_cloud(cloud))
    numbers = [text for text in figure.axes[0].texts if text.get_text().isdigit()]
    assert 1 <= len(numbers) <= 12


def test_style_is_not_left_behind():
    import matplotlib

    before = dict(matplotlib.rcParams)
    with styled():
        pass
    assert dict(matplotlib.rcParams) == before


def test_short_names_stay_within_the_limit_and_keep_both_ends():
    assert short("alt-nn1-0123456789abcdef0123456789abcdef") == "alt-nn1-01234567…"
    assert short("ResNet-01234567-89ab-cdef-0123-456789abcdef") == "ResNet-01234567…"
    assert short("AlexNet") == "AlexNet"
    cut = short("a" * 50 + "end")
    assert len(cut) == 30
    assert cut.endswith("end")
    assert "\n" not in short("two\nlines")


def test_colours_are_shared_by_name_and_run_out_into_grey():
    made = colours(["a", "b", "a", *"cdefghij"])
    assert made["a"] == PALETTE[0]
    assert len(set(made.values())) == len(PALETTE) + 1
    assert score_label("acc", "best") == "best accuracy [%]"
    assert "other" in score_label("other")
