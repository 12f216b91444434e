"""Set up the course in ``.venv`` and run one of its commands there: ``python bootstrap.py lab``.

Needs Python 3.11 or later and nothing else. Run again, it goes on in well under a second. It names no package
index: pip and uv use the ones that are configured on this machine. Nothing outside the course folder is changed
but the caches of pip and uv. (Written so that an older Python reads it too, and can say that it is too old.)
"""

import ast
import contextlib
import errno
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
STAMP = os.path.join(VENV, "course.json")
LOG = os.path.join(VENV, "bootstrap.log")
LOCK = os.path.join(ROOT, "requirements.txt")
SOFTWARE = os.path.join(ROOT, "software")  # in a student's bundle: the wheel of the course itself
OLDEST = (3, 11)
NEWEST = (3, 14)  # the newest that the lock has binary packages for; a newer one is used when there is no other
WINDOWS = os.name == "nt"


class Stop(Exception):
    """Set-up cannot go on. The message is one sentence that says what is wrong and what to do."""


def main(arguments):
    """Set up if needed, then hand over to ``course`` with ``arguments``; returns the exit status."""
    try:
        prefer_another_python(arguments)
        if not is_current():
            set_up()
        if not arguments:
            say("The course is set up. Next: %s bootstrap.py lab" % ("py" if WINDOWS else "python3"))
            return 0
        return hand_over([venv_python(), "-m", "autograder.cli", *arguments])
    except Stop as stop:
        return fail(str(stop), 2)
    except KeyboardInterrupt:
        return fail("Stopped. Run the same command again to go on.", 130)
    except OSError as problem:
        return fail(sentence(str(problem), problem.errno), 2)
    except Exception as problem:  # a student should never meet a traceback here
        return fail(f"Set-up failed ({type(problem).__name__}: {problem}): delete {VENV} and try again.", 2)


def say(text):
    print(text, flush=True)


def dotted(version):
    """``(3, 11)`` as ``3.11``."""
    return ".".join(map(str, version))


def fail(text, status):
    print(text, file=sys.stderr, flush=True)
    return status


# --- which Python --------------------------------------------------------------------------------


def prefer_another_python(arguments):
    """Run again under a fitting Python when this one does not fit; :class:`Stop` when there is none."""
    version = tuple(sys.version_info[:2])
    if OLDEST <= version <= NEWEST:
        return
    other = None if os.environ.get("COURSE_BOOTSTRAP") else find_python()
    if other is not None:
        os.environ["COURSE_BOOTSTRAP"] = "1"  # never a third time
        raise SystemExit(hand_over([*other, os.path.abspath(__file__), *arguments]))
    if version < OLDEST:
        raise Stop(
            f"This is Python {dotted(version)}, and the course needs {dotted(OLDEST)} or later: install one "
            "(python.org, or your system's package manager) and run this with it."
        )


def find_python():
    """The command of the newest fitting Python on this machine, or ``None``."""
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        name = shutil.which(f"python3.{minor}")
        candidates = [[name]] if name else []
        if WINDOWS and shutil.which("py"):
            candidates.append(["py", f"-3.{minor}"])
        for command in candidates:
            # a launcher of a version manager may be there without the version behind it
            if answers(command):
                return command
    return None


def answers(command):
    """Whether this Python starts and can make environments."""
    try:
        test = [*command, "-c", "import ensurepip, venv"]
        return subprocess.call(test, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def venv_python():
    """The interpreter inside the environment."""
    return os.path.join(VENV, "Scripts", "python.exe") if WINDOWS else os.path.join(VENV, "bin", "python")


# --- whether anything is to be done --------------------------------------------------------------


def is_current():
    """Whether the environment is the one that the files of the course ask for, in this place."""
    return os.path.exists(venv_python()) and read_stamp() == wanted_stamp()


def read_stamp():
    try:
        with open(STAMP, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def wanted_stamp():
    """What the environment depends on: the place, and the content of the lock, the project and this file."""
    digest = hashlib.sha256()
    for path in [LOCK, os.path.join(ROOT, "pyproject.toml"), os.path.abspath(__file__), *wheels()]:
        if os.path.exists(path):
            with open(path, "rb") as file:
                digest.update(file.read())
    return {"root": ROOT, "inputs": digest.hexdigest()}


def wheels():
    names = sorted(os.listdir(SOFTWARE)) if os.path.isdir(SOFTWARE) else []
    return [os.path.join(SOFTWARE, name) for name in names if name.endswith(".whl")]


# --- setting up ----------------------------------------------------------------------------------


def set_up():
    """Make or mend the environment."""
    begun = time.monotonic()
    if os.path.exists(LOG):
        os.remove(LOG)
    if not os.path.exists(LOCK):
        raise Stop(f"{LOCK} is missing: unpack or clone the course again.")
    require_writable()
    require_venv()
    make_environment()
    install_packages()
    install_course()
    with open(STAMP, "w", encoding="utf-8") as file:
        json.dump(wanted_stamp(), file)
    say("Ready after %.0f s." % (time.monotonic() - begun))


def require_writable():
    try:
        with tempfile.TemporaryFile(dir=ROOT):
            pass
    except OSError as problem:
        raise Stop(sentence(str(problem), problem.errno)) from None


def require_venv():
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            raise Stop(
                f"This Python has no module {module}: install it (Debian and Ubuntu: sudo apt install "
                f"python{dotted(sys.version_info[:2])}-venv) and run this again."
            )


def make_environment():
    """A fresh ``.venv``, unless there is one that works and was made here."""
    made_here = read_stamp().get("root", ROOT) == ROOT  # an environment that was moved is broken
    if made_here and os.path.exists(venv_python()) and answers([venv_python()]):
        return
    step(f"Making .venv with Python {dotted(sys.version_info[:3])}", [sys.executable, "-m", "venv", "--clear", VENV])


def install_packages():
    """Everything in the lock, by uv, or by pip where uv cannot be had."""
    count = len(re.findall(r"^[\w.-]+==", read(LOCK), flags=re.MULTILINE))
    what = f"Installing the {count} packages of the lock (the first time takes a minute or more)"
    environment = index_environment(venv_python())
    if get_uv():
        sync = ["pip", "sync", "--quiet", "--require-hashes", "--python", venv_python(), LOCK]
        try:
            return step(what, uv(*sync), environment)
        except Stop:
            # an index that pip knows and uv does not, say; what pip cannot do either, it will tell
            say("uv could not do it: pip tries, which takes longer.")
    return step(what, pip("install", "--quiet", "--require-hashes", "--no-deps", "--compile", "-r", LOCK))


def get_uv():
    """Install uv as the lock pins it; returns whether it is there. :class:`Stop` when nothing can be fetched at all."""
    pinned = re.search(r"^uv==.*(?:\n    .*)*", read(LOCK), flags=re.MULTILINE)
    if pinned is None:
        return False
    handle, path = tempfile.mkstemp(suffix=".txt", dir=VENV)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(pinned.group() + "\n")
        command = pip("install", "--quiet", "--require-hashes", "--no-deps", "-r", path)
        step("Fetching uv, which installs quickly", command)
    except Stop as stop:
        if not str(stop).startswith(LACKING):
            raise
        say("There is no uv for this machine: pip will do, which takes longer.")
        return False
    finally:
        os.remove(path)
    return True


def install_course():
    """The course itself, from the wheel of a bundle or from this folder so that edits count at once."""
    course = wheels()[-1:] or ["--no-build-isolation", "--editable", ROOT]
    step("Installing the course itself", pip("install", "--quiet", "--no-deps", "--force-reinstall", *course))


def pip(*arguments):
    return [venv_python(), "-m", "pip", "--disable-pip-version-check", "--no-input", *list(arguments)]


def uv(*arguments):
    return [venv_python(), "-m", "uv", *list(arguments)]


def step(what, command, environment=None):
    """Run ``command``, say what it does and how long it took; :class:`Stop` with a sentence when it fails."""
    with ticking(what + " …") as begun:
        done = subprocess.run(
            command,
            env=environment or pip_environment(venv_python()),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
        )
    if done.returncode == 0:
        return say(f"{what}: {time.monotonic() - begun:.1f} s")
    with contextlib.suppress(OSError), open(LOG, "a", encoding="utf-8") as file:
        file.write("{}\n{}\n".format(" ".join(command), done.stdout))
    raise Stop(sentence(done.stdout))


@contextlib.contextmanager
def ticking(text):
    """Show on a terminal that something is going on, and for how long."""
    begun, over = time.monotonic(), threading.Event()

    def tick():
        while not over.wait(0.5):
            print(f"\r{text} {time.monotonic() - begun:.0f} s", end="", file=sys.stderr, flush=True)

    ticker = threading.Thread(target=tick, daemon=True)
    if sys.stderr.isatty():
        ticker.start()
    try:
        yield begun
    finally:
        over.set()
        if ticker.is_alive():
            ticker.join()
            print("\r" + " " * (len(text) + 8) + "\r", end="", file=sys.stderr, flush=True)


# --- where packages come from --------------------------------------------------------------------

FOR_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "proxy": "ALL_PROXY",
}
"""Settings of pip and the variables by which uv learns them: uv does not read pip's configuration."""


def pip_environment(python):
    """This environment, with uv's index for pip where only uv has one; a user's own paths must not leak in."""
    left_out = ("PYTHONPATH", "PYTHONHOME", "PIP_REQUIRE_VIRTUALENV")
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    if "UV_DEFAULT_INDEX" in environment and "index-url" not in pip_settings(python, environment):
        environment["PIP_INDEX_URL"] = environment["UV_DEFAULT_INDEX"]
    return environment


def index_environment(python):
    """This environment, with what uv needs: pip's settings and ours, where uv has none of its own."""
    environment = pip_environment(python)
    for name, value in pip_settings(python, environment).items():
        if name in FOR_UV:
            separator = "," if name == "find-links" else " "
            environment.setdefault(FOR_UV[name], separator.join(value.split()))
    # like pip, look in every index; safe, as each file must have a hash of the lock
    environment.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    environment.setdefault("UV_COMPILE_BYTECODE", "1")  # every first import is quick then
    environment["UV_PYTHON_DOWNLOADS"] = "never"
    return environment


def pip_settings(python, environment):
    """pip's settings by name, from its files and variables; those for ``install`` and variables win."""
    command = [python, "-m", "pip", "config", "list"]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    listed = done.stdout.decode("utf-8", "replace")
    found = {}
    for section in ("global", "install", ":env:"):
        for name, value in re.findall(rf"^{section}\.([\w-]+)=(.*)$", listed, flags=re.MULTILINE):
            with contextlib.suppress(ValueError, SyntaxError):
                found[name] = str(ast.literal_eval(value.strip()))
    return found


# --- what went wrong -----------------------------------------------------------------------------

NETWORK = (
    "cannot connect to proxy",
    "connection broken",
    "connection refused",
    "connection reset",
    "connecttimeout",
    "dns error",
    "error sending request",
    "failed to fetch",
    "getaddrinfo failed",
    "invalid peer certificate",
    "name or service not known",
    "name resolution",
    "network is unreachable",
    "newconnectionerror",
    "proxyerror",
    "sslerror",
    "timed out",
)
"""What pip and uv say when they reach no index, in small letters."""

LACKING = "The package index of this machine lacks "


def unreachable():
    return (
        "The package index cannot be reached: check the network (and the proxy or index that pip is configured for) "
        "and run this again; what was fetched is kept."
    )


def sentence(output, number=None):
    """What the output of a failed step, or an error number of the system, means and what to do about it."""
    text = output.lower()

    def says(*phrases):
        return any(phrase in text for phrase in phrases)

    if number == errno.ENOSPC or says("no space left", "not enough space", "disk quota exceeded"):
        return f"The disk is full: free 2 GB where {ROOT} lies, or in the home folder, and run this again."
    if number in (errno.EACCES, errno.EPERM, errno.EROFS) or says("permission denied", "read-only file system"):
        return f"{ROOT} may not be written: copy the course to a folder of your own and run this there."
    if says("do not match the hashes", "hash mismatch", "hashes mismatch"):
        return "A package is not the one that the lock names: run this again, and tell the course if it stays so."
    if says(*NETWORK):
        return unreachable()
    lacking = re.search(r"(?:no matching distribution found for|because) ([\w.-]+)", text)
    if lacking:
        here, span = dotted(sys.version_info[:2]), f"{dotted(OLDEST)} to {dotted(NEWEST)}"
        name = lacking.group(1)
        return f"{LACKING}{name} for Python {here}: check the network, or use another Python ({span}) or index."
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["no reason given"]
    telling = [line for line in lines if re.match(r"\w*error\b", line, flags=re.IGNORECASE)] or lines
    return f"Set-up failed ({telling[-1][:200]}): {LOG} holds all of it; delete .venv and try again."


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def hand_over(command):
    """Go on as ``command`` in the course folder; returns its status (where this process cannot become it)."""
    os.chdir(ROOT)
    sys.stdout.flush()
    if WINDOWS:
        try:
            return subprocess.call(command)
        except KeyboardInterrupt:
            return 130
    os.execvp(command[0], command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
