"""``modelserving labels`` and ``modelserving monitor``: bring labels to a server's log, and read it (lesson 06)."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelserving.store import Store

COLUMNS = ("id", "value", "row", "time")  # of a file of labels; the last two may be missing
TOLD = 10  # lines that are named at most
RINGING = 1  # exit status when a monitor rings in the last window


def add(commands: Any) -> None:
    """Both commands, with their options."""
    command = commands.add_parser(
        "labels",
        help="bring labels to a server's log",
        description="Bring labels, what turned out to be true, from a CSV file to a server's log. Its first line names "
        "the columns: id (of the request) and value; where needed row (of a request of several rows, from 0) and time "
        "(when the label arrived: ISO 8601, or seconds since 1970; else now). All lines are kept, or, when one is "
        "wrong, none. The server may be running.",
    )
    command.set_defaults(run=labels)
    command.add_argument("file", metavar="FILE.csv", type=Path, help="the labels; - for standard input")
    command.add_argument("--log", metavar="STORE", type=Path, required=True, help="the log that the server writes")
    command.add_argument("--model", metavar="NAME", help="the model, where the log has several")

    command = commands.add_parser(
        "monitor",
        help="say what a server's log tells about drift",
        description="Compare windows of a server's log with a time when all was well: PSI and Kolmogorov–Smirnov "
        "distance of inputs and predictions, and where labels are known the error, with alarms. "
        "Ends with status 0, with 1 when a monitor rings in the last window, with 2 when it could not be done.",
    )
    command.set_defaults(run=monitor)
    option = command.add_argument
    option("log", metavar="STORE", type=Path, help="the log that the server writes")
    option(
        "--in-control",
        required=True,
        metavar="N|TIME",
        help="when all was well: the first N windows, or those that end before this time",
    )
    option("--model", metavar="NAME", help="the model, where the log has several")
    option("--version", metavar="V", help="one version (default: all)")
    option("--by", default="day", metavar="PERIOD|ROWS", help="hour, day, week, month, year, or rows (default: day)")
    option("--since", metavar="TIME", help="leave out what came before")
    option("--until", metavar="TIME", help="leave out what came from then on")
    option("--as-of", metavar="TIME", help="see no more than was known then")
    option("--rate", type=float, default=0.05, metavar="R", help="false alarms for each window (default: %(default)s)")
    option("--output", metavar="NAME", help="the output that labels are of, where the model has several")
    option("--error", choices=("absolute", "squared", "log"), default="absolute", help="default: %(default)s")
    option("--names", metavar="A,B,…", help="names of all columns of input")
    option("--json", type=Path, metavar="FILE", help="write the figures here")
    option("--plot", type=Path, metavar="FILE.svg", help="draw them here")


def existing(path: Path) -> Store:
    """The store in a file that is there. Raises ValueError when it is not: a misspelt name must not make another."""
    from modelserving.store import Store

    if not path.is_file():
        raise ValueError(f"There is no log {str(path)!r}: `modelserving serve MODELS --log FILE` writes one.")
    return Store(path)


def which(store: Store, model: str | None) -> str:
    """The model that is meant. Raises ValueError when that is not plain."""
    known = store.names()
    if model is None and len(known) == 1:
        return known[0]
    if model in known:
        return model
    names = ", ".join(known) or "none"
    if model is None:
        raise ValueError(f"Say which model, by --model. The log has predictions of: {names}.")
    raise ValueError(f"The log has no predictions of {model!r}. It has those of: {names}.")


# Labels


def labels(parsed: argparse.Namespace) -> int:
    """Read all lines, then keep all labels."""
    from modelserving.store import WrongRows

    with existing(parsed.log) as store:
        model = which(store, parsed.model)
        if str(parsed.file) == "-":
            found = read(sys.stdin)
        else:
            with parsed.file.open(newline="", encoding="utf-8-sig") as lines:
                found = read(lines)
        try:
            kept = store.label(model, found["id"], found["value"], found["time"], found.get("row"))
        except WrongRows as error:
            raise ValueError(f"Line {found['line'][found['id'].index(error.id)]}: {error} Nothing was kept.") from None
    strange = f" {kept.unknown:,} ids have no prediction so far." if kept.unknown else ""
    print(f"Kept {kept.labels:,} labels of {model!r} in {parsed.log}.{strange}")
    return 0


def read(lines: Iterable[str]) -> dict[str, list]:
    """The columns of a file of labels, and the line of each. Raises ValueError, naming lines that are wrong."""
    from modelserving.store import moment, number, whole

    rows = csv.reader(lines, skipinitialspace=True)
    now, wrong = moment(None) / 1e6, []
    try:
        header = columns(next(rows, []))
        found: dict[str, list] = {name: [] for name in ("line", "time", *header)}
        for row in rows:
            if not row:
                continue
            try:
                if len(row) != len(header):
                    raise ValueError(f"{len(row)} fields, and the first line has {len(header)}.")
                entry = dict(zip(header, (field.strip() for field in row), strict=True))
                if not entry["id"]:
                    raise ValueError("The id is empty.")
                found["id"].append(entry["id"])
                found["value"].append(number(as_number(entry["value"])))
                found["time"].append(moment(as_number(entry["time"])) / 1e6 if entry.get("time") else now)
                if "row" in entry:
                    found["row"].append(whole(as_number(entry["row"])))
                found["line"].append(rows.line_num)
            except ValueError as error:
                wrong.append(f"Line {rows.line_num}: {error}")
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"This is no CSV file in UTF-8, at or after line {rows.line_num + 1}: {error}.") from None
    if wrong:
        more = f" And {len(wrong) - TOLD:,} more." if len(wrong) > TOLD else ""
        raise ValueError(f"Nothing was kept, for some lines are wrong. {' '.join(wrong[:TOLD])}{more}")
    if not found["id"]:
        raise ValueError("The file has no labels.")
    return found


def columns(row: list[str]) -> list[str]:
    """The names in a file's first line. Raises ValueError for others than there may be."""
    header = [name.strip() for name in row]
    if not {"id", "value"} <= set(header) <= set(COLUMNS) or len(set(header)) < len(header):
        said = ",".join(header)[:50]
        raise ValueError(f"The first line names the columns, id and value, and if need be row and time: not {said!r}.")
    return header


def as_number(text: str) -> float | int | str:
    """The number that a text is, or the text."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


# The monitor


def monitor(parsed: argparse.Namespace) -> int:
    """Read the log, judge it, report."""
    if parsed.plot is not None and parsed.plot.suffix.lower() != ".svg":
        raise ValueError(f"The plot is an SVG file: --plot {parsed.plot.with_suffix('.svg')}")
    for path in (parsed.json, parsed.plot):
        if path is not None and not path.absolute().parent.is_dir():
            raise ValueError(f"There is no folder {path.absolute().parent} to write {path.name} to.")
    if not 0 < parsed.rate < 1:
        raise ValueError(f"A rate of false alarms lies between 0 and 1, not {parsed.rate:g}.")
    store = existing(parsed.log)

    # Imported here, so that --help and mistakes do not wait for scipy.
    from modelserving import monitor

    with store:
        report = monitor.report(
            store,
            which(store, parsed.model),
            in_control=int(parsed.in_control) if parsed.in_control.isdecimal() else parsed.in_control,
            by=int(parsed.by) if parsed.by.isdecimal() else parsed.by,
            version=parsed.version,
            since=parsed.since,
            until=parsed.until,
            as_of=parsed.as_of,
            rate=parsed.rate,
            output=parsed.output,
            error=monitor.ERRORS[parsed.error],
            names=parsed.names and [name.strip() for name in parsed.names.split(",")],
        )
    print(report)
    if parsed.json is not None:
        parsed.json.write_text(json.dumps(report.to_dict(), indent=1) + "\n", encoding="utf-8")
    if parsed.plot is not None:
        from modelserving import plots

        title = f"What is monitored of the model {report.model}"
        parsed.plot.write_bytes(plots.svg(monitor.figure(report), title, monitor.told(report)))
    ringing = report.ringing()
    if ringing:
        print(f"modelserving: an alarm in the last window: {', '.join(ringing)}", file=sys.stderr)
    return RINGING if ringing else 0
