"""The model repository: a folder of models, which of their versions are loaded, and in what state (lesson 03).

The layout is Triton's: ``FOLDER/NAME/VERSION/model.onnx``, versions being whole numbers. All versions of a model are
loaded, and a request that names none gets the highest. With a budget only some models are loaded at a time, and the
:class:`~modelserving.fleet.Fleet` says which (lesson 08).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelserving import fleet
from modelserving.fleet import RETRY, Budget, Fleet, Holding, NoRoom, NotWanted
from modelserving.interpreter import Interpreter, InvalidModel, Options
from modelserving.protocol import ProtocolError, unknown_model, unknown_version
from modelserving.together import rows_are_independent

READY, LOADING, UNAVAILABLE = "READY", "LOADING", "UNAVAILABLE"
FILE = "model.onnx"
STATES = {fleet.READY: READY, fleet.LOADING: LOADING}

# What a model takes once it is loaded, before a batch: measured with onnxruntime 1.29 on Linux.
SESSION = 160_000  # bytes, whatever the model
HEAD = 2**20  # bytes of a file in which its operations are named; what they hold comes after them
OF_WEIGHTS, OF_TREES = 2.2, 8.0  # times its file: weights are kept twice, trees are written more compactly than held


@dataclass
class Model:
    """A model of the repository: what is loaded of it, by version, and what is going on with it."""

    state: str = UNAVAILABLE
    reason: str = "not loaded"  # why it is not READY
    versions: dict[str, Interpreter] = field(default_factory=dict)  # lowest first


class Repository:
    """The models under ``folder``, and those that are added. Nothing is loaded before :meth:`load` or :meth:`load_all`.

    Loading takes a while and may be done in any thread; requests go on meanwhile. A model that is loaded anew serves
    its old versions until the new ones are ready, and keeps them when that fails.
    ``generation`` grows with every change of what can be served, so that others can keep what they derived from it.

    With a ``budget`` every model of the folder can be served, and only as many are loaded as it has room for: who
    needs one says so by :meth:`use`, or by :meth:`acquire` and :meth:`release`. ``pinned`` models are loaded first and
    stay. :meth:`load` and :meth:`unload` are then for the operator: what he unloaded is not loaded by a request.
    """

    def __init__(
        self,
        folder: str | os.PathLike | None,
        options: Options | None = None,
        *,
        budget: Budget | None = None,
        pinned: Iterable[str] = (),
    ) -> None:
        self.folder, self.options = Path(folder) if folder is not None else None, options or Options()
        if folder is not None and not self.folder.is_dir():
            raise NotADirectoryError(f"There is no folder {os.fspath(folder)!r} to take models from.")
        self.budget, self.pinned = budget, tuple(dict.fromkeys(pinned))
        if self.pinned and budget is None:
            raise ValueError("without a budget every model stays loaded: there is nothing to pin")
        self.fleet = None if budget is None else Fleet(budget, self._look, self._open_all, self._close, self.pinned)
        self.generation = 0
        self._sizes: dict[str, tuple[Stamp, int]] = {}
        self._added: dict[str, dict[str, Interpreter]] = {}
        self._models: dict[str, Model] = {}
        self._lock = threading.Lock()  # one load or unload at a time

    def names(self) -> list[str]:
        """All models, loaded or not, sorted: folders that hold a version, and models whose folder is gone."""
        try:
            entries = os.scandir(self.folder) if self.folder is not None else ()
            found = {entry.name for entry in entries if entry.is_dir() and versions_in(entry.path)}
        except OSError:  # the folder is gone: what is loaded is all there is
            found = set()
        loaded = {name for name, model in list(self._models.items()) if model.versions}
        return sorted(found | loaded | self._added.keys())

    def add(self, interpreter: Interpreter) -> None:
        """Serve a model that is no file, under its own name and version, from the next load on; a stub, say."""
        with self._lock:
            versions = self._added.get(interpreter.name, {}) | {interpreter.version: interpreter}
            self._added[interpreter.name] = dict(sorted(versions.items(), key=lambda item: int(item[0])))

    def versions(self, name: str) -> list[str]:
        """The versions of a model that could be loaded, lowest first."""
        if name in self._added or self.folder is None:
            return list(self._added.get(name, ()))
        return versions_in(self.folder / name) if is_name(name) else []

    def load_all(self) -> dict[str, str]:
        """Load every model that there is, with a budget the pinned ones; give the reason for each that failed."""
        failed = {}
        for name in self.names() if self.fleet is None else self.pinned:
            try:
                self.load(name)
            except ProtocolError as error:
                failed[name] = error.message
        return failed

    def load(self, name: str) -> None:
        """Load all versions of a model, warmed up, and serve them from now on in place of those loaded before.

        Raises :class:`~modelserving.protocol.ProtocolError`, "unknown_model" or "load_failed"; with a budget "no_room".
        """
        if self.fleet is not None:
            try:
                self.fleet.load(name)
            except NoRoom as error:
                raise no_room(error) from None
            with self._lock:
                self.generation += 1
            return
        with self._lock:
            if name not in self.names():
                raise unknown_model(name, self.names())
            model = self._models.setdefault(name, Model())
            if not model.versions:
                model.state, model.reason = LOADING, "loading"
            try:
                loaded = {version: self._open(name, version) for version in self.versions(name)}
                if not loaded:
                    raise ProtocolError("load_failed", f"The folder of the model {name!r} is gone.")
            except ProtocolError as error:
                if not model.versions:
                    model.state, model.reason = UNAVAILABLE, error.message
                raise
            model.versions = loaded
            model.state, model.reason = READY, ""
            self.generation += 1

    def _open(self, name: str, version: str) -> Interpreter:
        if name in self._added:
            return self._added[name][version]
        path = self.folder / name / version / FILE
        try:
            opened = Interpreter(path, name=name, version=version, options=self.options)
            opened.warm_up() if self.fleet is None else try_out(opened)
            return opened
        except Exception as error:  # whatever it is: one model's fault must not keep the others from being served
            known = isinstance(error, InvalidModel | OSError)
            said = str(error) if known else f"{type(error).__name__}: {error}"
            said = said.replace(str(path), f"{name}/{version}/{FILE}")  # a client need not know the folder
            raise ProtocolError("load_failed", f"Version {version} of {name!r} cannot be loaded. {said}") from error

    def unload(self, name: str) -> None:
        """Serve the model no longer. Requests that were accepted still get their answer.

        Raises :class:`~modelserving.protocol.ProtocolError`, "unknown_model". To unload twice is no error.
        """
        with self._lock:
            if name not in self.names():
                raise unknown_model(name, self.names())
            if self.fleet is not None:
                self.fleet.unload(name)
                return
            self._models[name] = Model(reason="unloaded")
            self.generation += 1

    def get(self, name: str, version: str | None = None) -> Interpreter:
        """The interpreter of a version, of the highest when none is named. With a budget, see :meth:`use`.

        Raises :class:`~modelserving.protocol.ProtocolError`: "unknown_model", "unknown_version" or "not_ready".
        """
        model = self._models.get(name) if self.fleet is None else self._held(name)
        if model is None or model.state != READY:
            if name not in self.names():
                raise unknown_model(name, self.names())
            reason = model.reason if model else "not loaded"
            raise ProtocolError("not_ready", f"The model {name!r} is not ready: {reason}")
        return pick(name, model.versions, version)

    def ready(self) -> dict[str, dict[str, Interpreter]]:
        """What is loaded now: interpreters by name and version, the highest version last."""
        if self.fleet is not None:
            return {name: holding.content for name, holding in self.fleet.ready().items()}
        return {name: model.versions for name, model in list(self._models.items()) if model.state == READY}

    def index(self, ready: bool = False) -> list[dict[str, Any]]:
        """All models and versions with their state, as the protocol's repository index; with ``ready`` only those."""
        rows = []
        for name in self.names():
            model = (self._models.get(name) if self.fleet is None else self._held(name)) or Model()
            for version in list(model.versions) or self.versions(name):
                rows.append({"name": name, "version": version, "state": model.state, "reason": model.reason})
        return [row for row in rows if not ready or row["state"] == READY]

    # With a budget

    def check(self) -> None:
        """Raise ValueError, in a sentence, unless the pinned models exist and keep within the budget."""
        total = 0
        for name in self.pinned:
            try:
                total += self._look(name)[0]
            except ProtocolError as error:
                raise ValueError(f"This model cannot be pinned: {error.message}") from None
        if self.pinned and not self.budget.covers(len(self.pinned), total):
            raise ValueError(
                f"The {len(self.pinned)} pinned models take {total:,} bytes, and the budget is {self.budget}."
            )

    def knows(self, name: str, version: str | None = None) -> bool:
        """Is there such a model, and such a version of it, loaded or not?"""
        versions = [*self.versions(name), *self._held(name).versions]
        return bool(versions) if version is None else version in versions

    def askable(self, name: str, version: str | None = None) -> None:
        """Raise the :class:`~modelserving.protocol.ProtocolError` that says why a request would not load a model."""
        if not self.knows(name):
            raise unknown_model(name, self.names())
        if not self.knows(name, version):
            raise unknown_version(name, version, self.versions(name))
        if reason := self.fleet.refusal(name):
            raise ProtocolError("not_ready", f"The model {name!r} is not ready: {reason}")

    def acquire(self, name: str) -> Holding:
        """See :meth:`Fleet.acquire`: a place for a model, which its caller has to :meth:`release`.

        Raises :class:`~modelserving.protocol.ProtocolError`: "unknown_model", "not_ready" or "no_room".
        """
        try:
            return self.fleet.acquire(name)
        except NoRoom as error:
            raise no_room(error) from None
        except NotWanted as error:
            raise ProtocolError("not_ready", str(error)) from None
        except ProtocolError as error:
            raise not_loaded(name, error) from None

    def release(self, holding: Holding) -> None:
        """The counterpart of :meth:`acquire`."""
        self.fleet.release(holding)

    @contextmanager
    def use(self, name: str, version: str | None = None) -> Iterator[Interpreter]:
        """The interpreter of a version for as long as the ``with`` statement lasts, loaded first where need be.

        Raises what :meth:`acquire` and :meth:`get` raise.
        """
        if self.fleet is None:
            yield self.get(name, version)
            return
        holding = self.acquire(name)
        try:
            try:
                self.fleet.wait(holding)
            except NoRoom as error:
                raise no_room(error) from None
            except ProtocolError as error:
                raise not_loaded(name, error) from None
            yield pick(name, holding.content, version)
        finally:
            self.release(holding)

    def _held(self, name: str) -> Model:
        """What the fleet knows of a model."""
        state, reason, content = self.fleet.state(name)
        return Model(STATES.get(state, UNAVAILABLE), reason, content)

    def _look(self, name: str) -> tuple[int, Stamp]:
        """The bytes that a model will take, and what tells one state of its files from another."""
        versions = self.versions(name)
        if not versions:
            raise unknown_model(name, self.names())
        if name in self._added:
            return 0, tuple(versions)  # who added it holds it anyway
        files = [file for version in versions for file in files_in(self.folder / name / version)]
        stamp = tuple(files)
        known = self._sizes.get(name)
        if known is None or known[0] != stamp:
            known = self._sizes[name] = (
                stamp,
                len(versions) * SESSION + sum(footprint(path, size) for path, size, _ in files),
            )
        return known[1], stamp

    def _open_all(self, name: str) -> dict[str, Interpreter]:
        """All versions of a model."""
        opened: dict[str, Interpreter] = {}
        try:
            for version in self.versions(name):
                opened[version] = self._open(name, version)
            if not opened:
                raise ProtocolError("load_failed", f"The folder of the model {name!r} is gone.")
        except Exception:
            self._close(opened)
            raise
        return opened

    def _close(self, versions: dict[str, Interpreter]) -> None:
        """Let go of sessions, so that their memory is free now, whoever else still knows the interpreters."""
        for version, interpreter in versions.items():
            if interpreter is not self._added.get(interpreter.name, {}).get(version):
                interpreter.close()


Stamp = tuple[tuple[str, int, int], ...]  # path, size in bytes and time of change of each file


def files_in(folder: str | os.PathLike) -> Stamp:
    """The files of a version; beside the model there may be some with its weights."""
    try:
        found = [(entry.path, entry.stat()) for entry in os.scandir(folder) if entry.is_file()]
    except OSError:  # it is being deleted, say: to load it will fail, and tell
        return ()
    return tuple(sorted((path, about.st_size, about.st_mtime_ns) for path, about in found))


def footprint(path: str, size: int) -> int:
    """About how many bytes a model's file of ``size`` bytes takes in memory; the session and batches come on top."""
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD)
    except OSError:  # gone: to load it will fail, and tell
        head = b""
    return round(size * (OF_TREES if b"TreeEnsemble" in head else OF_WEIGHTS))


def try_out(interpreter: Interpreter) -> None:
    """Warm up, and find out ahead of the first request what a batcher would: may rows share a batch, and how long is a
    run? A model that comes and goes has no time to learn it from its requests.
    """
    interpreter.timed = []
    interpreter.independent = rows_are_independent(interpreter, lambda *run: interpreter.timed.append(run))
    if not interpreter.timed:
        interpreter.warm_up()


def pick(name: str, versions: dict[str, Interpreter], version: str | None) -> Interpreter:
    """The interpreter of a version, of the highest when none is named."""
    if version is None:
        return next(reversed(versions.values()))
    if version not in versions:
        raise unknown_version(name, version, list(versions))
    return versions[version]


def no_room(error: NoRoom) -> ProtocolError:
    """The error for a model that the budget has no room for now."""
    return ProtocolError(
        "no_room", f"{error} Try again later." if error.later else str(error), 1.0 if error.later else None
    )


def not_loaded(name: str, error: ProtocolError) -> ProtocolError:
    """The error for who wants to use a model that could not be loaded."""
    if error.kind != "load_failed":
        return error
    return ProtocolError("not_ready", f"The model {name!r} is not ready: {error.message}", RETRY)


def is_name(name: str) -> bool:
    """Can a folder be called so? A name from a request must not lead elsewhere."""
    return name not in ("", os.curdir, os.pardir) and not {*name} & {"/", os.sep, os.altsep, "\0"}


def versions_in(folder: str | os.PathLike) -> list[str]:
    """The versions that a model's folder holds, lowest first: whole numbers, each a folder with ``model.onnx``."""
    try:
        found = [entry.name for entry in os.scandir(folder) if entry.name.isdecimal() and entry.name.isascii()]
    except OSError:
        return []
    return sorted((v for v in found if os.path.isfile(os.path.join(folder, v, FILE))), key=int)
