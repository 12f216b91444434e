"""
student = "eitan"
kind = "wrong"
what = "Answers 400 for whatever a model raises."
[loses]
test_respond_statuses = 2
"""
# %% [exercises] respond
LARGEST = 1_000_000  # bytes of a body


def respond(method, path, headers, body, models):
    def error(status, sentence, **more):
        extra = {name.replace("_", "-"): value for name, value in more.items()}
        return status, {"content-type": "application/json"} | extra, json.dumps({"error": sentence}).encode()

    def found(value):
        return 200, {"content-type": "application/json"}, json.dumps(value).encode()

    def infer(model):
        if len(body) > LARGEST:
            return error(413, f"The body has {len(body)} bytes; at most {LARGEST} are taken.")
        length = headers.get("inference-header-content-length", str(len(body)))
        if not (length.isascii() and length.isdecimal()):
            return error(400, f"Inference-Header-Content-Length is no whole number: {length}.")
        try:
            content, header_length = model.infer(body, int(length))
        except Exception as problem:
            return error(400, str(problem) or "The request is wrong.")
        except Exception:
            return error(500, "The model failed; it was not your fault.")
        if header_length is None:
            return 200, {"content-type": "application/json"}, content
        binary = {"content-type": "application/octet-stream", "inference-header-content-length": str(header_length)}
        return 200, binary, content

    match path.split("/")[1:]:
        case ["v2"]:
            what = "server"
        case ["v2", "health", "live" | "ready" as what]:
            pass
        case ["v2", "models", name, "versions", version, *rest] if rest in ([], ["ready"], ["infer"]):
            what = "model"
        case ["v2", "models", name, *rest] if rest in ([], ["ready"], ["infer"]):
            what, version = "model", None
        case _:
            return error(404, f"There is nothing at {path}.")
    if what == "model" and name not in models:
        return error(404, f"There is no model {name}.")
    allowed = "POST" if what == "model" and rest == ["infer"] else "GET"
    if method != allowed:
        return error(405, f"{path} takes {allowed}, not {method}.", allow=allowed)
    if what == "server":
        return found({"name": "mine", "version": "1", "extensions": ["binary_tensor_data"]})
    if what == "live":
        return 200, {}, b""
    if what == "ready":
        waiting = [name for name, model in list(models.items()) if model is None]
        return error(503, f"Still loading: {', '.join(waiting)}.") if waiting else (200, {}, b"")
    model = models.get(name)
    if model is None:
        return error(503, f"The model {name} is still being loaded.", retry_after="1")
    if version is not None and version not in model.metadata()["versions"]:
        return error(404, f"The model {name} has no version {version}.")
    if not rest:
        return found(model.metadata())
    return (200, {}, b"") if rest == ["ready"] else infer(model)
