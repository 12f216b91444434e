"""One style for every figure of the course, and one way to show a figure.

    fig, ax = plots.figure("Late flights by hour", "scheduled hour of departure", "share of flights late")
    ax.plot(hour, share, label="2013")
    plots.percent(ax.yaxis)
    plots.label_lines(ax)
    plots.show(fig, "Line chart. The share of late flights climbs from 10 % at 6:00 to 35 % at 20:00.")

The ground is opaque white, so that a figure reads the same in a dark theme. Lines differ in dash as well as in colour.
Importing this module sets the style for all of matplotlib.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, NullLocator, PercentFormatter
from PIL import Image

# Told apart with any of the three colour vision deficiencies (Machado, Oliveira and Fernandes 2009, CIELAB distance
# above 20 between any two), and dark enough for text on white (WCAG 2.2, contrast 4.5 to 1): tests/test_plots.py.
BLUE, RUST, GREEN, PURPLE, INK = "#046DF7", "#AC4F17", "#0C603B", "#8C2C88", "#222222"
COLOURS = (BLUE, RUST, GREEN, PURPLE, INK)
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1)))
GREY = "#6B6B6B"  # for what stands behind the message: reference lines, notes

SIZE = (7.0, 3.8)  # inches, of a figure with one plot
DOTS = 144  # per inch in the file; shown at 100 per inch, so that it stays sharp on dense screens

STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.facecolor": "white",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.prop_cycle": cycler(color=COLOURS) + cycler(linestyle=DASHES),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "figure.titlesize": 11,
    "figure.titleweight": "bold",
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that a figure is the same everywhere
    "font.size": 10,
    "grid.color": "#E4E4E4",
    "image.cmap": "cividis",  # even in lightness, for any colour vision (Nuñez, Anderton and Renslow 2018)
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "lines.markersize": 5.0,
    "savefig.facecolor": "white",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
plt.rcParams.update(STYLE)


def figure(
    title: str = "",
    xlabel: str = "",
    ylabel: str = "",
    *,
    rows: int = 1,
    columns: int = 1,
    size: tuple[float, float] | None = None,
) -> tuple[Figure, Axes] | tuple[Figure, np.ndarray]:
    """A figure and its axes; with ``rows`` or ``columns``, an array of axes as ``plt.subplots`` gives it.

    ``xlabel`` and ``ylabel`` name the quantity and its unit; with several plots they stand once for all of them.
    ``size`` is width and height in inches.
    """
    fig, axes = plt.subplots(rows, columns, figsize=size or SIZE)
    if isinstance(axes, Axes):
        axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    else:
        fig.suptitle(title, x=0.01, ha="left")
        fig.supxlabel(xlabel, fontsize=10)
        fig.supylabel(ylabel, fontsize=10)
    return fig, axes


def show(fig: Figure, alt: str) -> None:
    """Show ``fig`` below the cell, with ``alt`` for those who cannot see it, and close it.

    ``alt`` says what kind of figure it is and what there is to see in it. A PNG output on its own gets no alternative
    text in a notebook; so the figure is published as HTML that has it, beside the PNG and the text themselves.

    Raises :class:`ValueError` when ``alt`` is empty.
    """
    alt = " ".join(alt.split())
    if not alt:
        raise ValueError(
            "Say in `alt` what the figure shows: for a reader who cannot see it, those words are the figure."
        )
    image = png(fig)
    width, height = (round(inches * 100) for inches in fig.get_size_inches())
    plt.close(fig)
    encoded = base64.b64encode(image).decode("ascii")
    page = (
        "<!-- a plot -->\n"  # JupyterLab shows the first line of an output that is folded up
        '<figure style="margin: 0; background: white; max-width: 100%">'
        f'<img alt="{html.escape(alt)}" width="{width}" style="max-width: 100%; height: auto" '
        f'src="data:image/png;base64,{encoded}"></figure>'
    )
    display(
        {"text/html": page, "image/png": encoded, "text/plain": alt},
        metadata={"image/png": {"width": width, "height": height}},
        raw=True,
    )


def png(fig: Figure) -> bytes:
    """``fig`` as an opaque PNG file of 256 colours, a quarter of the size of a full one and as good for a plot.

    Equal figures give equal bytes: the file names neither a date nor the software.
    """
    full, small = io.BytesIO(), io.BytesIO()
    fig.savefig(full, format="png", dpi=DOTS)
    drawn = Image.open(full).convert("RGB")
    drawn.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()


def svg(fig: Figure, title: str, alt: str) -> bytes:
    """``fig`` as an opaque SVG file with a title and, for those who cannot see it, a description; closes it.

    Text stays text, so that it can be read out, searched and enlarged. Equal figures give equal bytes.
    Raises :class:`ValueError` when ``title`` or ``alt`` is empty.
    """
    if not title.strip() or not alt.strip():
        raise ValueError("Say in `title` and `alt` what the figure is and shows, for a reader who cannot see it.")
    drawn = io.StringIO()
    with plt.rc_context({"svg.fonttype": "none", "svg.hashsalt": "modelserving"}):
        fig.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(fig)
    before, start, inside = drawn.getvalue().partition("<svg ")
    attributes, _, rest = inside.partition(">")
    named = f'{attributes} role="img" aria-labelledby="title description">'
    words = f'\n <title id="title">{html.escape(title)}</title>\n <desc id="description">{html.escape(alt)}</desc>'
    return (before + start + named + words + rest).encode()


def percentile_curves(latencies: Mapping[str, np.ndarray], title: str = "Latency by percentile") -> tuple[Figure, Axes]:
    """Latencies (s) by percentile, one line for each name, on the axis of HDR histograms: each step right is ten times
    as rare. A line ends where fewer than ten samples lie beyond. ``label_lines`` has been called.

    After G. Tene's HdrHistogram plots, https://hdrhistogram.github.io/HdrHistogram/plotFiles.html.
    """
    fig, ax = figure(title, "percentile of requests", "latency, at most")
    rarest = 10.0
    for name, values in latencies.items():
        n = len(values)
        if not n:
            continue
        beyond = np.unique(np.rint(np.geomspace(min(10, n), n, 1000)).astype(int))[::-1]  # a point for every sample is
        ax.plot(n / beyond, np.sort(values)[n - beyond], label=name, drawstyle="steps-post")  # more than can be seen
        rarest = max(rarest, n / beyond[-1])
    ticks = 10.0 ** np.arange(int(np.ceil(np.log10(rarest))) + 1)
    ax.set(xscale="log", yscale="log", xlim=(1, rarest * 1.02))
    ax.set_xticks(ticks, [f"{100 * (1 - 1 / tick):.10g} %" for tick in ticks])
    ax.set_xticks([], minor=True)
    seconds(ax.yaxis)
    label_lines(ax)
    return fig, ax


def alarm_lanes(ax: Axes, alarms: Mapping[str, np.ndarray]) -> None:
    """A lane for each monitor, the first on top, with a mark at each of its alarms (dates or places on the x-axis).

    A lane's name stands at its left, the number of its alarms at its right. Share the x-axis with the curve above.
    """
    for lane, places in enumerate(alarms.values()):
        colour = COLOURS[lane % len(COLOURS)]
        ax.plot(places, np.full(len(places), lane), "|", markersize=11, markeredgewidth=1.6, color=colour)
        ax.annotate(f"{len(places)}", (1, lane), (6, 0), ("axes fraction", "data"), "offset points", va="center")
    ax.set_yticks(range(len(alarms)), list(alarms))
    ax.set_ylim(len(alarms) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="x")


def tradeoff(
    points: Mapping[str, tuple[float, float, float]],
    title: str,
    xlabel: str,
    ylabel: str,
    *,
    frontier: Sequence[str] = (),
) -> tuple[Figure, Axes]:
    """Three quantities of each name: a disc at (x, y), its area in proportion to the third, and its name beside it.

    x is on a logarithmic axis. Those in ``frontier`` are filled and joined by steps; the others are rings.
    """
    fig, ax = figure(title, xlabel, ylabel)
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.margins(0.12, 0.15)
    largest = max(size for _, _, size in points.values())
    if frontier:
        x, y = zip(*sorted(points[name][:2] for name in frontier), strict=True)
        ax.plot(x, y, drawstyle="steps-post", color=GREY, linewidth=1.2, linestyle="-", zorder=1)
    for name, (x, y, size) in points.items():
        face = BLUE if name in frontier else "white"
        ax.scatter(x, y, s=900 * size / largest, facecolor=face, edgecolor=BLUE, linewidth=1.5, alpha=0.85, zorder=2)
    _name_points(ax, points, [15 * np.sqrt(size / largest) for _, _, size in points.values()])
    return fig, ax


def _name_points(ax: Axes, points: Mapping[str, tuple[float, ...]], radii: Sequence[float]) -> None:
    """Write each name right of its point, ``radii`` (in typographic points) away, moved apart where they overlap.

    In the right half of the plot a name stands to the left, so that it does not leave the figure.
    """
    ax.figure.draw_without_rendering()  # settles the limits and the layout
    inches = 72 / ax.figure.dpi
    places = np.array([ax.transData.transform(point[:2]) for point in points.values()])
    middle = ax.transAxes.transform((0.5, 0.5))[0]
    for left in (False, True):
        side = [i for i, (x, _) in enumerate(places) if (x > middle) == left]
        heights = _apart(places[side, 1], 1.25 * plt.rcParams["font.size"] / inches)
        for i, height in zip(side, heights, strict=True):
            name, point = list(points.items())[i]
            shift = ((-1 if left else 1) * (radii[i] + 4), (height - places[i, 1]) * inches)
            align = "right" if left else "left"
            words = ax.annotate(name, point[:2], shift, textcoords="offset points", ha=align, va="center")
            words.set_path_effects([withStroke(linewidth=3, foreground="white")])  # where a line runs behind it


def label_lines(ax: Axes) -> None:
    """Write each line's label at its right end, in its colour, in place of a legend.

    Labels that would overlap are moved apart. Lines without a label are left alone. Call it last: it reads where
    the lines end and how the axes are scaled.
    """
    lines = [line for line in ax.get_lines() if not line.get_label().startswith("_") and _end(line) is not None]
    ax.figure.draw_without_rendering()  # settles the limits and the layout
    ends = [ax.transData.transform(_end(line)) for line in lines]
    line_height = 1.25 * plt.rcParams["font.size"] * ax.figure.dpi / 72
    heights = _apart(np.array([y for _, y in ends]), line_height)
    for line, (_, y), height in zip(lines, ends, heights, strict=True):
        ax.annotate(
            line.get_label(),
            _end(line),
            xytext=(6, (height - y) * 72 / ax.figure.dpi),
            textcoords="offset points",
            color=line.get_color(),
            va="center",
            annotation_clip=False,
        )


def percent(axis: Axis, decimals: int = 0) -> None:
    """Write the shares on an axis (0 to 1) as per cent."""
    axis.set_major_formatter(PercentFormatter(xmax=1, decimals=decimals, symbol=" %"))


def seconds(axis: Axis) -> None:
    """Write the seconds on an axis as s, ms, µs or ns, whichever suits."""
    axis.set_major_formatter(EngFormatter(unit="s"))


def counts(axis: Axis) -> None:
    """Write the counts on an axis with commas between thousands."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def size_in_bytes(axis: Axis) -> None:
    """Write the bytes on an axis as B, kB or MB, whichever suits (1 kB is 1000 B)."""
    axis.set_major_formatter(EngFormatter(unit="B"))


def _end(line: Line2D) -> tuple[float, float] | None:
    """The last finite point of a line, in the units of its data."""
    x, y = (np.asarray(values, dtype=float) for values in (line.get_xdata(orig=False), line.get_ydata(orig=False)))
    finite = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    return (float(x[finite[-1]]), float(y[finite[-1]])) if len(finite) else None


def _apart(positions: np.ndarray, gap: float) -> np.ndarray:
    """``positions`` moved as little as it takes to lie ``gap`` apart, in their order.

    The least-squares answer is an isotonic regression of the positions less their share of the gaps;
    for the few labels of a figure, pooling neighbours that are too close does it.
    """
    order = np.argsort(positions, kind="stable")
    shares = gap * np.arange(len(positions))
    pools: list[list[float]] = []
    for value in positions[order] - shares:
        pools.append([value])
        while len(pools) > 1 and np.mean(pools[-2]) >= np.mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    result = np.empty(len(positions))
    result[order] = np.concatenate([np.full(len(pool), np.mean(pool)) for pool in pools]) + shares if pools else []
    return result
