"""The style of figures: seen by everyone, the same every time, never without words."""

from __future__ import annotations

import base64
import io
import itertools
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from modelserving import plots

# Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency",
# IEEE TVCG 15(6), 2009, severity 1.0; they act on linear RGB.
DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def linear(colour):
    """sRGB to linear light."""
    channels = np.array(mpl.colors.to_rgb(colour))
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def cielab(rgb):
    """Linear RGB to CIELAB, D65."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ np.clip(rgb, 0, 1) / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.fixture
def published(monkeypatch):
    """What ``show`` hands to the notebook, as (bundle, metadata) pairs."""
    bundles = []
    monkeypatch.setattr(plots, "display", lambda data, metadata, raw: bundles.append((data, metadata)))
    yield bundles
    plt.close("all")


def a_figure():
    fig, ax = plots.figure("Title", "time (s)", "flights")
    ax.plot([0, 1, 2], [3, 1, 2], label="one")
    ax.plot([0, 1, 2], [1, 2, 2.01], label="two")
    plots.label_lines(ax)
    return fig


class Images(HTMLParser):
    """Collects the attributes of the images of a page."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.found.append(dict(attributes))


# -- colours -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_colours_are_told_apart(deficiency):
    seen = [cielab(np.array(DEFICIENCIES[deficiency]) @ linear(colour)) for colour in plots.COLOURS]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 20


@pytest.mark.parametrize("colour", [*plots.COLOURS, plots.GREY])
def test_colours_are_dark_enough_for_text_on_white(colour):
    luminance = linear(colour) @ [0.2126, 0.7152, 0.0722]
    assert 1.05 / (luminance + 0.05) >= 4.5  # WCAG 2.2, success criterion 1.4.3


def test_lines_differ_in_more_than_colour():
    fig, ax = plots.figure()
    lines = [ax.plot([0, 1], [n, n])[0] for n in range(5)]
    assert len({str(line.get_linestyle()) + str(line._dash_pattern) for line in lines}) == 5
    plt.close(fig)


# -- show ----------------------------------------------------------------------------------------------------------


def test_show_publishes_html_image_and_words(published):
    plots.show(a_figure(), 'Two lines: one falls, "two" rises above 2 & stays <there>.')
    ((bundle, metadata),) = published
    assert list(bundle) == ["text/html", "image/png", "text/plain"]
    assert bundle["text/plain"] == 'Two lines: one falls, "two" rises above 2 & stays <there>.'
    (image,) = Images(bundle["text/html"]).found
    assert image["alt"] == bundle["text/plain"]
    assert image["src"] == "data:image/png;base64," + bundle["image/png"]
    assert metadata["image/png"]["width"] == int(image["width"]) == 700
    assert re.search("^<!-- a plot -->\n<figure .*</figure>$", bundle["text/html"])


def test_show_joins_the_lines_of_a_long_text(published):
    plots.show(a_figure(), "first\n        second")
    assert published[0][0]["text/plain"] == "first second"


@pytest.mark.parametrize("alt", ["", "  \n"])
def test_show_refuses_a_figure_without_words(published, alt):
    with pytest.raises(ValueError, match="Say in `alt` what the figure shows"):
        plots.show(a_figure(), alt)
    assert not published


def test_show_closes_the_figure_so_that_it_appears_once(published):
    plots.show(a_figure(), "Two lines.")
    assert not plt.get_fignums()


def test_equal_figures_give_equal_bytes():
    first, second = a_figure(), a_figure()
    assert plots.png(first) == plots.png(second)
    plt.close("all")


def test_png_names_no_software_and_no_date():
    fig = a_figure()
    image = Image.open(io.BytesIO(plots.png(fig)))
    assert image.format == "PNG"
    assert set(image.info) <= {"dpi"}
    plt.close(fig)


def test_the_ground_is_opaque_white_even_under_a_dark_style(published):
    with plt.style.context("dark_background"):
        fig, ax = plt.subplots(facecolor=plots.STYLE["figure.facecolor"])
        ax.set_facecolor(plots.STYLE["axes.facecolor"])
        plots.show(fig, "Empty axes.")
    plots.show(a_figure(), "Two lines.")
    for bundle, _ in published:
        image = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
        assert not image.has_transparency_data
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


# -- axes ----------------------------------------------------------------------------------------------------------


def test_figure_labels_one_plot_or_all():
    fig, ax = plots.figure("T", "x (s)", "y (rows)")
    assert (ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel()) == ("T", "x (s)", "y (rows)")
    fig, axes = plots.figure("T", "x (s)", "y (rows)", columns=2)
    assert axes.shape == (2,)
    assert (fig.get_suptitle(), fig.get_supxlabel(), fig.get_supylabel()) == ("T", "x (s)", "y (rows)")
    plt.close("all")


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (plots.percent, 0.25, "25 %"),
        (plots.seconds, 0.0015, "1.5 ms"),
        (plots.seconds, 2e-6, "2 µs"),
        (plots.counts, 336_776, "336,776"),
        (plots.size_in_bytes, 1_341_000, "1.341 MB"),
    ],
)
def test_axes_write_their_unit(write, value, text):
    fig, ax = plots.figure()
    write(ax.yaxis)
    assert ax.yaxis.get_major_formatter()(value) == text
    plt.close(fig)


def test_labels_stand_at_line_ends_and_never_overlap():
    fig, ax = plots.figure()
    for name, end in [("a", 1.0), ("b", 1.001), ("c", 1.002), ("d", 5.0)]:
        ax.plot([0, 1, 2], [0, end, np.nan], label=name)
    ax.plot([0, 2], [0, 1])  # no label of its own
    plots.label_lines(ax)
    fig.draw_without_rendering()
    texts = {text.get_text(): text for text in ax.texts}
    assert list(texts) == ["a", "b", "c", "d"]
    assert [text.xy[0] for text in texts.values()] == [1, 1, 1, 1]  # the last point that exists
    assert [text.get_color() for text in texts.values()] == list(plots.COLOURS[:4])
    boxes = sorted((text.get_window_extent() for text in texts.values()), key=lambda box: box.y0)
    assert all(lower.y1 <= upper.y0 + 1 for lower, upper in itertools.pairwise(boxes))
    middle = (boxes[3].y0 + boxes[3].y1) / 2
    assert middle == pytest.approx(ax.transData.transform((1, 5))[1], abs=4)  # the one with room stays in place
    plt.close(fig)


def test_labels_of_no_lines_are_none():
    fig, ax = plots.figure()
    plots.label_lines(ax)
    assert not ax.texts
    plt.close(fig)


def test_moved_labels_keep_their_order_and_their_mean():
    rng = np.random.default_rng(1)
    for _ in range(50):
        wanted = rng.uniform(0, 30, size=6)
        moved = plots._apart(wanted, 10.0)
        assert (np.diff(np.sort(moved)) >= 10 - 1e-9).all()
        assert (np.argsort(moved) == np.argsort(wanted)).all()
        assert moved.mean() == pytest.approx(wanted.mean())


def test_a_page_made_by_nbconvert_shows_the_figure_once_with_its_words(published):
    import nbformat
    from nbconvert import HTMLExporter

    plots.show(a_figure(), "Two lines, one of which falls.")
    ((bundle, metadata),) = published
    output = nbformat.v4.new_output("display_data", data=bundle, metadata=metadata)
    cell = nbformat.v4.new_code_cell("plots.show(fig, alt)", outputs=[output], execution_count=1)
    page, _ = HTMLExporter(template_name="basic").from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    (image,) = Images(page).found
    assert image["alt"] == "Two lines, one of which falls."


def test_an_svg_is_opaque_named_and_the_same_every_time():
    drawn = [plots.svg(a_figure(), "Two <lines>", "One falls & one climbs.") for _ in range(2)]
    assert drawn[0] == drawn[1]
    root = ElementTree.fromstring(drawn[0])
    space = "{http://www.w3.org/2000/svg}"
    title, description = root.findall(f"{space}title"), root.findall(f"{space}desc")
    assert [one.text for one in (*title, *description)] == ["Two <lines>", "One falls & one climbs."]
    assert root.get("role") == "img"
    assert root.get("aria-labelledby").split() == [title[0].get("id"), description[0].get("id")]
    assert root.findall(f".//{space}text")  # text is text, not outlines
    ground = root.find(f".//{space}g[@id='patch_1']/{space}path").get("style")
    assert "fill: #ffffff" in ground
    assert not plt.get_fignums()


@pytest.mark.parametrize(("title", "alt"), [("", "words"), ("words", " \n")])
def test_an_svg_without_words_is_refused(title, alt):
    fig = a_figure()
    with pytest.raises(ValueError, match="for a reader who cannot see it"):
        plots.svg(fig, title, alt)
    plt.close(fig)


def test_percentile_curves_show_the_percentiles_that_samples_support():
    values = np.random.default_rng(0).lognormal(-6, 1, 10_000)
    fig, ax = plots.percentile_curves({"many": values, "few": values[:50], "none": values[:0]})
    many, few = ax.get_lines()
    for q in (50, 90, 99):
        drawn = many.get_ydata()[np.searchsorted(many.get_xdata(), 100 / (100 - q) * (1 + 1e-9)) - 1]
        assert drawn == pytest.approx(np.percentile(values, q), rel=0.02)
    assert many.get_xdata().max() == pytest.approx(1000)  # 99.9 %: ten samples lie beyond
    assert few.get_xdata().max() == pytest.approx(5)
    assert (np.diff(many.get_ydata()) >= 0).all()
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0 %", "90 %", "99 %", "99.9 %"]
    assert [text.get_text() for text in ax.texts] == ["many", "few"]
    plt.close(fig)


def test_each_monitor_has_a_lane_of_marks_from_the_top_and_their_number():
    _, ax = plots.figure()
    days = np.arange("2004-01-01", "2005-01-01", dtype="datetime64[D]")
    plots.alarm_lanes(ax, {"PSI": days[::100], "ADWIN": days[:0], "KS": days[[7]]})
    assert [line.get_ydata().tolist() for line in ax.get_lines()] == [[0, 0, 0, 0], [], [2]]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["PSI", "ADWIN", "KS"]
    assert [text.get_text() for text in ax.texts] == ["4", "0", "1"]
    assert ax.yaxis_inverted()
    plt.close("all")


TRADEOFF = {
    "baseline": (7.1, 0.7465, 1350),
    "graph": (7.0, 0.7465, 1352),
    "dynamic int8": (2.8, 0.7455, 354),
    "static int8": (2.9, 0.7454, 364),
    "half the units": (2.3, 0.72, 415),
    "zeros": (7.0, 0.726, 1350),
    "distilled": (1.1, 0.742, 19),
    "trees": (7.5, 0.753, 420),
}


def test_a_tradeoff_names_every_point_and_no_two_names_overlap():
    fig, ax = plots.tradeoff(TRADEOFF, "t", "x", "y", frontier=["distilled", "dynamic int8", "baseline", "trees"])
    fig.draw_without_rendering()
    boxes = {text.get_text(): text.get_window_extent() for text in ax.texts}
    assert set(boxes) == set(TRADEOFF)
    for one, other in itertools.combinations(boxes.values(), 2):
        assert not one.padded(-2).overlaps(other.padded(-2))
    for box in boxes.values():
        assert fig.bbox.x0 <= box.x0 < box.x1 <= fig.bbox.x1
    plt.close(fig)


def test_a_tradeoff_s_areas_go_with_the_third_quantity_and_its_frontier_is_filled():
    fig, ax = plots.tradeoff(TRADEOFF, "t", "x", "y", frontier=["distilled", "trees"])
    areas = [disc.get_sizes()[0] for disc in ax.collections]
    filled = [tuple(disc.get_facecolor()[0][:3]) != (1, 1, 1) for disc in ax.collections]
    assert areas[0] / areas[2] == pytest.approx(1350 / 354)
    assert [name for name, is_filled in zip(TRADEOFF, filled, strict=True) if is_filled] == ["distilled", "trees"]
    plt.close(fig)
