"""``modelserving load URL``: put load on a server from a terminal (lesson 04)."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from modelserving.load import Result

PATIENCE = 10  # s for an answer to what is asked before the run
VOID, INTERRUPTED = 1, 130  # exit statuses of a run that says nothing about the server, and of none


def add(commands: Any) -> None:
    """The options of the command."""
    command = commands.add_parser(
        "load",
        help="put load on a server and measure its latency",
        description="Put load on a server and report latency, throughput and failures. URL is a model, such as "
        "http://127.0.0.1:8000/v2/models/NAME, which is sent a request that fits it; a server with one model; or any "
        "other address, which is asked by GET unless there is a --body. "
        "Ends with status 0, with 1 when the run is void, with 2 when it could not be done.",
    )
    command.set_defaults(run=run)
    add = command.add_argument
    add("url", metavar="URL", help="what to ask, by plain HTTP")
    loop = command.add_mutually_exclusive_group()
    loop.add_argument("--rate", type=float, metavar="R", help="open loop: R requests a second (default: 100)")
    loop.add_argument("--clients", type=int, metavar="N", help="closed loop: N clients, each waiting for its answer")
    add("--seconds", type=float, default=10.0, metavar="S", help="how long to send (default: %(default)g)")
    add("--warm-up", type=float, metavar="S", help="what does not count of it (default: a tenth, 1 s at most)")
    add("--arrivals", choices=("poisson", "constant"), default="poisson", help="default: %(default)s")
    add("--timeout", type=float, default=1.0, metavar="S", help="a request has failed after (default: %(default)g)")
    add("--connections", type=int, default=512, metavar="N", help="most at once in an open loop (default: %(default)s)")
    add("--seed", type=int, default=0, metavar="N", help="of the arrivals (default: %(default)s)")
    add("--body", type=Path, metavar="FILE", help="send this by POST")
    add("--header", action="append", default=[], metavar="'NAME: VALUE'", help="may be given several times")
    add("--rows", type=int, default=1, metavar="N", help="of the request made for a model (default: %(default)s)")
    add("--json", type=Path, metavar="FILE", help="write the figures here")
    add("--plot", type=Path, metavar="FILE.svg", help="draw latency by percentile here")


def run(parsed: argparse.Namespace) -> int:
    """Measure and report. Raises OSError or ValueError, with a sentence, where that is not possible."""
    # Imported here, so that --help does not wait for numpy.
    from tqdm import tqdm

    from modelserving import load

    if parsed.plot is not None and parsed.plot.suffix.lower() != ".svg":
        raise ValueError(f"The plot is an SVG file: --plot {parsed.plot.with_suffix('.svg')}")
    for path in (parsed.json, parsed.plot):
        if path is not None and not path.absolute().parent.is_dir():
            raise ValueError(f"There is no folder {path.absolute().parent} to write {path.name} to.")
    headers = dict(map(header, parsed.header))
    url, body = target(parsed.url, parsed.rows) if parsed.body is None else (parsed.url, parsed.body.read_bytes())
    rate = 100.0 if parsed.rate is None and parsed.clients is None else parsed.rate
    try:
        with tqdm(total=parsed.seconds, desc="load", bar_format=BAR, disable=None, leave=False) as bar:
            result = load.measure(
                url,
                body,
                rate=rate,
                clients=parsed.clients,
                seconds=parsed.seconds,
                arrivals=parsed.arrivals,
                timeout=parsed.timeout,
                warm_up=parsed.warm_up,
                connections=parsed.connections,
                seed=parsed.seed,
                headers=headers,
                on_progress=lambda elapsed: bar.update(min(elapsed, parsed.seconds) - bar.n),
            )
    except KeyboardInterrupt:
        print("modelserving: interrupted, so nothing was measured", file=sys.stderr)
        return INTERRUPTED
    print(result)
    if parsed.json is not None:
        parsed.json.write_text(json.dumps(result.to_dict(), indent=1) + "\n", encoding="utf-8")
    if parsed.plot is not None:
        parsed.plot.write_bytes(plot(result))
    reason = void(result)
    if reason:
        print(f"modelserving: {reason}", file=sys.stderr)
    return VOID if reason else 0


BAR = "{desc}: {percentage:3.0f} %|{bar}| {n:.0f}/{total:.0f} s"


def void(result: Result) -> str | None:
    """Why a run says nothing about how fast the server is; None when it does."""
    if not result.measured.any():
        return "No request was meant to be sent after the warm-up: the run measured nothing. Give it more --seconds."
    if not result.answered.any():
        said = f" The first said: {result.first_failure}" if result.first_failure else ""
        return f"No request was answered well: the run measured no latency.{said}"
    return result.client_bound and f"The run is void. {result.client_bound}"


def header(text: str) -> tuple[str, str]:
    """``"Name: value"`` as a pair. Raises ValueError for what is none."""
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise ValueError(f"A header looks like 'Name: value', not {text!r}.")
    return name.strip(), value.strip()


def plot(result: Result) -> bytes:
    """Latency by percentile, and what a closed loop would have seen, as SVG."""
    from modelserving import plots

    curves = {"latency": result.latency}
    if result.conditions.arrivals != "closed":
        curves["service time"] = result.service
    curves = {name: values for name, values in curves.items() if len(values)}
    fig, _ = plots.percentile_curves(curves, f"{'VOID: l' if result.client_bound else 'L'}atency by percentile")
    return plots.svg(fig, "Latency by percentile", f"Line chart, logarithmic both ways. {result}")


# --- a request that fits a model


class NotSpoken(ValueError):
    """What came is no answer of the Open Inference Protocol."""


def target(url: str, rows: int) -> tuple[str, bytes | None]:
    """The address to ask and the body to send: for a model of the Open Inference Protocol, one that fits it.

    Raises ValueError or ConnectionError, with a sentence, when there is no such model or server.
    """
    from modelserving import load_client

    load_client.reachable(url)
    parts = urlsplit(url)
    base, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    if path in ("", "/v2"):
        try:
            path = only_model(base)
        except NotSpoken:
            if path:
                raise
    if not path.startswith("/v2/models/"):
        return url, None
    model = path.removesuffix("/infer")
    try:
        return f"{base}{model}/infer", fitting(ask(base + model), rows)
    except (KeyError, TypeError):
        raise NotSpoken(f"{base}{model} gives no metadata of a model, as the Open Inference Protocol has it.") from None


def only_model(base: str) -> str:
    """The path of the model of a server that has one. Raises ValueError when it has none, or more."""
    index = ask(f"{base}/v2/repository/index", b'{"ready": true}')
    if not isinstance(index, list):
        raise NotSpoken(f"{base} does not speak the Open Inference Protocol.")
    names = sorted({model["name"] for model in index})
    if len(names) != 1:
        have = f"has {', '.join(names)}" if names else "has no model that is ready"
        raise ValueError(f"Say which model to ask, as in {base}/v2/models/NAME: the server {have}.")
    return f"/v2/models/{quote(names[0])}"


def fitting(metadata: dict[str, Any], rows: int) -> bytes:
    """A request for the model with this metadata, in JSON: ``rows`` long where its first dimension is free.

    Other free dimensions are 1 long. Numbers are drawn from a standard normal distribution, always the same ones; whole
    numbers are 0, text is empty.
    """
    import numpy as np

    if rows < 1:
        raise ValueError(f"A request has 1 row or more, not {rows}.")
    rng = np.random.default_rng(0)
    inputs = []
    for tensor in metadata["inputs"]:
        shape = [1 if length < 0 else length for length in tensor["shape"]]
        if tensor["shape"] and tensor["shape"][0] < 0:
            shape[0] = rows
        count = int(np.prod(shape))
        kind = tensor["datatype"]
        if kind.startswith("FP"):
            data: list[Any] = rng.standard_normal(count).astype(np.float32).round(4).tolist()
        else:
            data = [{"BOOL": False, "BYTES": ""}.get(kind, 0)] * count
        inputs.append({"name": tensor["name"], "datatype": kind, "shape": shape, "data": data})
    return json.dumps({"inputs": inputs}).encode()


def ask(url: str, body: bytes | None = None) -> Any:
    """What the server says, from JSON. Raises NotSpoken with a sentence when it is an error, or no JSON."""
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    try:
        with urlopen(Request(url, body, {"Content-Type": "application/json"}), timeout=PATIENCE) as answer:
            return json.load(answer)
    except HTTPError as error:
        said = " ".join(error.read(400).decode("utf-8", "replace").split())
        raise NotSpoken(f"{url} answers with status {error.code}: {said or error.reason}. Is the URL right?") from None
    except URLError as error:
        raise ConnectionError(f"{url} gives no answer: {error.reason}.") from None
    except (ValueError, OSError) as error:
        raise NotSpoken(f"{url} gives no answer of the Open Inference Protocol: {error}. Give a --body.") from None
