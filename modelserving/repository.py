"""The model repository: a folder of models, which of their versions are loaded, and in what state (lesson 03).

The layout is Triton's: ``FOLDER/NAME/VERSION/model.onnx``, versions being whole numbers. All versions of a model are
loaded, and a request that names none gets the highest.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelserving.interpreter import Interpreter, InvalidModel, Options
from modelserving.protocol import ProtocolError, unknown_model, unknown_version

READY, LOADING, UNAVAILABLE = "READY", "LOADING", "UNAVAILABLE"
FILE = "model.onnx"


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
    """

    def __init__(self, folder: str | os.PathLike | None, options: Options | None = None) -> None:
        self.folder, self.options = Path(folder) if folder is not None else None, options or Options()
        if folder is not None and not self.folder.is_dir():
            raise NotADirectoryError(f"There is no folder {os.fspath(folder)!r} to take models from.")
        self.generation = 0
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

    def _versions(self, name: str) -> list[str]:
        """The versions of a model that could be loaded, lowest first."""
        if name in self._added or self.folder is None:
            return list(self._added.get(name, ()))
        return versions_in(self.folder / name)

    def load_all(self) -> dict[str, str]:
        """Load every model that there is; give the reason for each that could not be loaded."""
        failed = {}
        for name in self.names():
            try:
                self.load(name)
            except ProtocolError as error:
                failed[name] = error.message
        return failed

    def load(self, name: str) -> None:
        """Load all versions of a model, warmed up, and serve them from now on in place of those loaded before.

        Raises :class:`~modelserving.protocol.ProtocolError`, "unknown_model" or "load_failed".
        """
        with self._lock:
            if name not in self.names():
                raise unknown_model(name, self.names())
            model = self._models.setdefault(name, Model())
            if not model.versions:
                model.state, model.reason = LOADING, "loading"
            try:
                loaded = {version: self._open(name, version) for version in self._versions(name)}
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
            opened.warm_up()
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
            self._models[name] = Model(reason="unloaded")
            self.generation += 1

    def get(self, name: str, version: str | None = None) -> Interpreter:
        """The interpreter of a version, of the highest when none is named.

        Raises :class:`~modelserving.protocol.ProtocolError`: "unknown_model", "unknown_version" or "not_ready".
        """
        model = self._models.get(name)
        if model is None or model.state != READY:
            if name not in self.names():
                raise unknown_model(name, self.names())
            reason = model.reason if model else "not loaded"
            raise ProtocolError("not_ready", f"The model {name!r} is not ready: {reason}")
        if version is None:
            return next(reversed(model.versions.values()))
        if version not in model.versions:
            raise unknown_version(name, version, list(model.versions))
        return model.versions[version]

    def ready(self) -> dict[str, dict[str, Interpreter]]:
        """What can be served now: interpreters by name and version, the highest version last."""
        return {name: model.versions for name, model in list(self._models.items()) if model.state == READY}

    def index(self, ready: bool = False) -> list[dict[str, Any]]:
        """All models and versions with their state, as the protocol's repository index; with ``ready`` only those."""
        rows = []
        for name in self.names():
            model = self._models.get(name) or Model()
            for version in list(model.versions) or self._versions(name):
                rows.append({"name": name, "version": version, "state": model.state, "reason": model.reason})
        return [row for row in rows if not ready or row["state"] == READY]


def versions_in(folder: str | os.PathLike) -> list[str]:
    """The versions that a model's folder holds, lowest first: whole numbers, each a folder with ``model.onnx``."""
    try:
        found = [entry.name for entry in os.scandir(folder) if entry.name.isdecimal() and entry.name.isascii()]
    except OSError:
        return []
    return sorted((v for v in found if os.path.isfile(os.path.join(folder, v, FILE))), key=int)
