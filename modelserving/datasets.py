"""The data sets of the course, read from compact files beside this module.

Three tables, each a ``dict`` of equally long one-dimensional arrays, oldest row first:

* :func:`flights`: every domestic flight in the US statistics that was scheduled to leave New York's three airports
  in 2013;
* :func:`weather`: the hourly weather at those airports;
* :func:`riders`: daily entries at Chicago's Clark/Lake station, 2001 to 2016, with weather and events.

Arrays are read-only, because they are shared by everyone who asks; ``.copy()`` gives one that can be changed.
Where the files come from, and under which licence, stands in ``modelserving/data/README.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

Table = dict[str, np.ndarray]

DATA = Path(__file__).with_name("data")
YEAR = 2013  # of all flights and all weather
LATE_MINUTES = 15  # the US Department of Transportation counts a flight as late from here on
WEATHER_HOURS_BEFORE = 2
MISSING = -32768  # stands for NaN where the files keep whole numbers as int16

_FLIGHTS = {
    "month": ("int", "month of the scheduled departure, 1 to 12"),
    "day": ("int", "day of the month of the scheduled departure, 1 to 31"),
    "sched_dep_time": ("int", "scheduled departure, local time as HHMM (517 is 05:17)"),
    "dep_delay": ("float", "departure delay in minutes, negative when early; NaN if the flight was cancelled"),
    "arr_delay": ("float", "arrival delay in minutes, negative when early; NaN if cancelled or diverted"),
    "carrier": ("text", "airline, two-character code"),
    "origin": ("text", "airport of departure: EWR, JFK or LGA"),
    "dest": ("text", "airport of destination, three-letter code"),
    "air_time": ("float", "time in the air in minutes; NaN if cancelled or diverted"),
    "distance": ("int", "distance in miles"),
}
READINGS = {
    "temp": ("float", "air temperature in degrees Fahrenheit"),
    "dewp": ("float", "dew point in degrees Fahrenheit"),
    "humid": ("float", "relative humidity in per cent"),
    "wind_dir": ("float", "direction that the wind comes from in degrees, 0 when calm; NaN if variable or missing"),
    "wind_speed": ("float", "wind speed in miles per hour"),
    "wind_gust": ("float", "speed of gusts in miles per hour; NaN when no gust was reported"),
    "precip": ("float", "precipitation in this hour in inches"),
    "pressure": ("float", "air pressure at sea level in millibars"),
    "visib": ("float", "visibility in miles, 10 at most"),
}
_WEATHER = {
    "origin": ("text", "airport of the weather station: EWR, JFK or LGA"),
    "month": ("int", "month, 1 to 12"),
    "day": ("int", "day of the month, 1 to 31"),
    "hour": ("int", "hour that the reading belongs to, local time, 0 to 23"),
} | READINGS
TEAMS = ("Blackhawks", "Bulls", "Bears")
_RIDERS = (
    {
        "date": ("date", "calendar day"),
        "riders": ("float", "people who entered Clark/Lake station that day, in thousands"),
        "temp_min": ("float", "lowest temperature of the day in degrees Fahrenheit"),
        "temp": ("float", "typical temperature of the day in degrees Fahrenheit"),
        "temp_max": ("float", "highest temperature of the day in degrees Fahrenheit"),
        "temp_change": ("float", "highest minus lowest temperature in degrees Fahrenheit"),
        "dew": ("float", "dew point in degrees Fahrenheit"),
        "humidity": ("float", "relative humidity in per cent"),
        "pressure": ("float", "air pressure in inches of mercury"),
        "pressure_change": (
            "float",
            "highest minus lowest pressure in inches of mercury; a few values are plainly wrong",
        ),
        "wind": ("float", "wind speed (the source gives no unit; the values read as miles per hour)"),
        "wind_max": ("float", "highest wind speed, unit as for wind; a few values are plainly wrong"),
        "gust": ("float", "speed of gusts, unit as for wind; 0 when none was reported"),
        "gust_max": ("float", "highest speed of gusts, unit as for wind; 0 when none was reported"),
        "precip": ("float", "typical hourly precipitation (the source gives no unit; the values read as inches)"),
        "precip_max": ("float", "highest hourly precipitation, unit as for precip"),
        "weather_rain": ("float", "share of the day's weather reports that mention rain, 0 to 1"),
        "weather_snow": ("float", "share of the day's weather reports that mention snow, 0 to 1"),
        "weather_cloud": ("float", "share of the day's weather reports that mention clouds, 0 to 1"),
        "weather_storm": ("float", "share of the day's weather reports that mention a storm, 0 to 1"),
    }
    | {
        f"{team}_{place}": ("bool", f"the {team} play {where} that day")
        for team in TEAMS
        for place, where in (("Away", "elsewhere"), ("Home", "in Chicago"))
    }
    | {"baseball": ("bool", "the Cubs or the White Sox play that day, in Chicago or elsewhere")}
)
TABLES = {"flights": _FLIGHTS, "weather": _WEATHER, "riders": _RIDERS}


def columns(name: str) -> dict[str, str]:
    """What each column of ``"flights"``, ``"weather"`` or ``"riders"`` means, with its unit.

    Raises :class:`ValueError` for any other name.
    """
    if name not in TABLES:
        raise ValueError(f"There is no data set {name!r}: ask for {', '.join(TABLES)}.")
    return {column: meaning for column, (_, meaning) in TABLES[name].items()}


def flights() -> Table:
    """The 336,776 flights of 2013 by scheduled departure; see ``columns("flights")``.

    Domestic ones only: to the United States, Puerto Rico and the US Virgin Islands.

    Whole numbers are int32, numbers with gaps float32, codes str. Flights scheduled for the same minute
    stand in the order of airport, airline and flight number, which says nothing about how late they were.
    Source: R package nycflights13 (US Bureau of Transportation Statistics), CC0.
    """
    return dict(_load("flights"))


def weather() -> Table:
    """Hourly weather at EWR, JFK and LGA, by time and airport; see ``columns("weather")``.

    Values and units are the source's, as float32; NaN where it has none. Some hours are missing altogether:
    the first of the year, all from 19:00 on 30 December, and some 25 more at each airport, half of them between
    25 October and 4 November. The hour that the end of daylight saving time repeats (3 November, 01:00) is there
    twice, in order.
    Source: R package nycflights13 (Iowa Environmental Mesonet), CC0.
    """
    return dict(_load("weather"))


def riders() -> Table:
    """Daily entries at Clark/Lake, 22 January 2001 to 28 August 2016 without a gap; see ``columns("riders")``.

    Dates are ``datetime64[D]``, numbers float32, events bool.
    Source: R package modeldata, data set Chicago (Kuhn and Johnson, *Feature Engineering and Selection*), MIT.
    """
    return dict(_load("riders"))


def late(flights: Mapping[str, np.ndarray]) -> np.ndarray:
    """Which flights were late: a bool array, as long as ``flights``.

    Late is an arrival 15 minutes or more after schedule, or none: cancelled and diverted flights count.
    """
    delay = flights["arr_delay"]
    return np.isnan(delay) | (delay >= LATE_MINUTES)


def departure_time(flights: Mapping[str, np.ndarray]) -> np.ndarray:
    """When each flight did depart, local time as HHMM (float32); NaN if it was cancelled, 2400 for midnight."""
    minute = (_minutes(flights["sched_dep_time"]) + flights["dep_delay"]) % 1440
    minute[minute == 0] = 1440  # as the source writes midnight
    return (minute // 60 * 100 + minute % 60).astype(np.float32)


def scheduled_departure(flights: Mapping[str, np.ndarray]) -> np.ndarray:
    """The scheduled departure of each flight, local time as ``datetime64[m]``."""
    return _midnight(flights["month"], flights["day"]) + _minutes(flights["sched_dep_time"]).astype("timedelta64[m]")


def join_weather(flights: Mapping[str, np.ndarray], weather: Mapping[str, np.ndarray]) -> Table:
    """``flights`` with the weather at their airport in the clock hour two before the scheduled one.

    The result holds the columns of ``flights`` and the nine readings of ``weather`` (float32). A flight at 08:15
    gets the reading of the hour that began at 06:00, one at 01:06 that of 23:00 on the day before. Stations report
    until minute 51 of an hour; a reading of that minute is 69 to 128 minutes old when the flight is due to leave.
    Where the weather has no such hour, or does not reach back far enough, all nine are NaN; nothing is filled in.

    Hours are counted on the wall clock. That is exact here: no flight was scheduled within two hours after the clocks
    changed. Of the hour that 3 November repeats, the later reading counts.
    """
    stations, station = np.unique(weather["origin"], return_inverse=True)
    row_of = np.full((len(stations), 366 * 24), -1)
    row_of[station, _hour_of_year(_midnight(weather["month"], weather["day"]), weather["hour"])] = np.arange(
        len(station)
    )

    at = np.searchsorted(stations, flights["origin"]).clip(max=len(stations) - 1)
    hour = _hour_of_year(_midnight(flights["month"], flights["day"]), flights["sched_dep_time"] // 100)
    hour = hour - WEATHER_HOURS_BEFORE
    row = np.where((hour >= 0) & (stations[at] == flights["origin"]), row_of[at, hour], -1)
    known = row >= 0
    joined = {name: np.where(known, weather[name][row], np.float32(np.nan)) for name in READINGS}
    return dict(flights) | joined


def flights_with_weather() -> Table:
    """All flights with the weather of the clock hour two before the scheduled one: :func:`join_weather` of both."""
    return join_weather(flights(), weather())


def _minutes(hhmm: np.ndarray) -> np.ndarray:
    """Minutes since midnight of times written as HHMM."""
    return hhmm // 100 * 60 + hhmm % 100


def _midnight(month: np.ndarray, day: np.ndarray) -> np.ndarray:
    """The dates (``datetime64[D]``) of month and day in :data:`YEAR`."""
    months = np.datetime64(f"{YEAR}-01", "M") + (np.asarray(month, dtype=np.int64) - 1)
    return months.astype("datetime64[D]") + (np.asarray(day, dtype=np.int64) - 1)


def _hour_of_year(date: np.ndarray, hour: np.ndarray) -> np.ndarray:
    """Hours on the wall clock since the year began."""
    return (date - np.datetime64(f"{YEAR}-01-01", "D")).astype(np.int64) * 24 + hour


@cache
def _load(name: str) -> Table:
    """Reads and decodes one file; the arrays are read-only, the dict is never handed out itself."""
    path = DATA / f"{name}.npz"
    if not path.is_file():
        raise FileNotFoundError(
            f"The data file {path} is missing: install the project again, or run tools/build_data.py."
        )
    with np.load(path, allow_pickle=False) as stored:
        table = {column: _decode(kind, column, stored) for column, (kind, _) in TABLES[name].items()}
    for values in table.values():
        values.flags.writeable = False
    return table


def _decode(kind: str, column: str, stored: Mapping[str, np.ndarray]) -> np.ndarray:
    """The inverse of ``encode`` in ``tools/build_data.py``."""
    values = stored[column]
    if kind == "text":
        return stored[f"{column}.values"][values]
    if kind == "int":
        return values.astype(np.int32)  # so that sums and products of a reader do not overflow
    if kind == "float" and values.dtype == np.int16:
        numbers = values.astype(np.float32)
        numbers[values == MISSING] = np.nan
        return numbers
    return values
