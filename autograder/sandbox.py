"""A process that the rest of the machine is out of reach of, and that leaves nothing behind. Linux, by system calls.

:func:`fork` makes the process, first of its own process tree, in namespaces of its own; :func:`enter`, called in it,
shuts it in: a new root that holds the system, Python and the student's packages, read-only, and one private scratch
folder in memory; a network that is a loopback of its own; a user that owns nothing; limits on memory, processes, files
and time; no privilege and no system call that could undo any of it. What is not named in :class:`Walls` is not there.

Root needs no user namespace; an ordinary user gets one. Where neither is allowed, Landlock, the system call filter and
the limits remain, and :func:`offered` says so. :func:`available` proves each protection by trying to break it.

Sources: namespaces(7), pivot_root(2), mount_setattr(2), user_namespaces(7), landlock(7), seccomp(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import platform
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import cache, partial
from pathlib import Path
from typing import NoReturn

HOME = "/home/student"
"""Home and working directory in the sandbox: the same path for everybody, so that outputs can be compared."""

NAMESPACES, LANDLOCK, FILTER, LIMITS = "namespaces", "Landlock", "system call filter", "limits"
ALL = (NAMESPACES, FILTER, LIMITS)
"""What grading asks for. Landlock stands in, as far as it can, where namespaces are not allowed."""

_NEW_NS, _NEW_CGROUP, _NEW_UTS, _NEW_IPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
_NEW_USER, _NEW_PID, _NEW_NET = 0x10000000, 0x20000000, 0x40000000
_SPACES = _NEW_NS | _NEW_CGROUP | _NEW_UTS | _NEW_IPC | _NEW_PID | _NEW_NET
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 2, 4, 8, 4096, 16384, 1 << 18
_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_CAPBSET_DROP, _PR_SUBREAPER, _PR_NO_NEW_PRIVS = 4, 22, 24, 36, 38
_PR_SET_PDEATHSIG = 1
_FIRST_UID = 1_000_000_000  # no person and no service has numbers from here on

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/sys/devices/system/cpu")
_SETTINGS = (
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "ssl",
    "ca-certificates",
    "alternatives",
    "fonts",
    "localtime",
)
_DEVICES = ("null", "zero", "full", "random", "urandom")

# name: (x86-64, aarch64)
_CALLS: dict[str, tuple[int, int]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "capset": (126, 91),
    "chroot": (161, 51),
    "clone": (56, 220),
    "clone3": (435, 435),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "landlock_add_rule": (445, 445),
    "landlock_create_ruleset": (444, 444),
    "landlock_restrict_self": (446, 446),
    "memfd_create": (319, 279),  # memory that no limit counts
    "memfd_secret": (447, 447),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pivot_root": (155, 41),
    "prctl": (157, 167),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "semget": (64, 190),  # memory that no limit counts
    "setns": (308, 268),
    "shmget": (29, 194),  # memory that no limit counts
    "socket": (41, 198),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
}
_DENIED = sorted(
    _CALLS.keys() - {"capset", "clone", "clone3", "prctl", "socket"} - {c for c in _CALLS if c.startswith("landlock")}
)
"""Calls that could undo a wall, or that no limit counts. Of the others here, some are refused by their arguments."""

_FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, 16)  # 16: netlink. Not vsock, which leaves the machine


@dataclass(frozen=True)
class Walls:
    """What a sandboxed process finds and may use. ``root`` is an empty folder on which its world is mounted.

    ``work`` is copied into its home; ``fonts`` are files that go to Matplotlib's cache. Sizes in bytes, time in
    seconds; ``memory`` is for each process (the whole tree is watched by whoever forked it).
    """

    root: Path
    work: Path | None = None
    fonts: tuple[Path, ...] = ()
    memory: int = 4 << 30
    processes: int = 128
    open_files: int = 1024
    file_size: int = 256 << 20
    scratch: int = 512 << 20
    cpu_seconds: int = 600


@dataclass(frozen=True)
class Protection:
    """One protection, what was tried against it, and whether it held; ``detail`` says what came of a try that won."""

    name: str
    holds: bool
    detail: str = ""


# --- system calls


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _machine() -> int:
    return {"x86_64": 0, "aarch64": 1}[platform.machine()]


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _call(name: str, *arguments: object) -> int:
    number = _CALLS[name][_machine()]
    return _checked(_libc().syscall(ctypes.c_long(number), *arguments), name)


def _prctl(option: int, *values: int) -> None:
    _checked(_libc().prctl(option, *(ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4])), f"prctl {option}")


def _mount(source: str, target: str, kind: str | None, flags: int = 0, options: str | None = None) -> None:
    texts = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    data = None if options is None else options.encode()
    _checked(_libc().mount(*texts, ctypes.c_ulong(flags), data), f"mount {target}")


def _seal_mount(target: str, flags: int, recursive: bool = True) -> None:
    """Set attributes of the mount at ``target`` (read-only 1, nosuid 2, nodev 4) and of all below it."""
    attributes = struct.pack("QQQQ", flags, 0, 0, 0)
    _call("mount_setattr", -100, os.fsencode(target), 0x8000 if recursive else 0, attributes, len(attributes))


# --- the process


def prepare() -> None:
    """Work out once, before the forks, what is the same for all of them."""
    _shown()
    _program()


def fork(use: Sequence[str] = ALL) -> int:
    """Fork, into namespaces of its own where ``use`` asks for them: 0 in the child, there the first of its tree.

    The caller must have one thread. Raises ``OSError`` where the system does not allow it. Unlike ``os.fork`` this
    needs no process in between to enter a new process tree.
    """
    if pid := _fork_into(use):
        return pid
    os.setsid()  # its group of processes is its own: the old one reaches outside, past the namespace
    return 0


def _fork_into(use: Sequence[str]) -> int:
    if NAMESPACES not in use:
        if pid := os.fork():
            return pid
        adopt_orphans()
        return 0
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        with contextlib.suppress(PermissionError):
            return _fork(_SPACES)
    _prctl(_PR_SET_DUMPABLE, 1)  # else /proc/self belongs to root
    if pid := _fork(_SPACES | _NEW_USER):
        return pid
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"1000 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"1000 {gid} 1")
    return 0


def _fork(flags: int) -> int:
    """``os.fork`` with flags for clone(2). The interpreter's own steps before and after are taken as it takes them."""
    if len(os.listdir("/proc/self/task")) > 1:  # their locks and joins would hang the child
        raise OSError(errno.EBUSY, "a process with threads cannot fork a sandbox")
    api = ctypes.pythonapi  # holds the interpreter's lock during the call
    libc = ctypes.PyDLL(None, use_errno=True)
    number = ctypes.c_long(_CALLS["clone"][_machine()])
    zero = ctypes.c_ulong(0)
    api.PyOS_BeforeFork()
    pid = libc.syscall(number, ctypes.c_ulong(flags | signal.SIGCHLD), zero, zero, zero, zero)
    if pid == 0:
        api.PyOS_AfterFork_Child()
        return 0
    api.PyOS_AfterFork_Parent()
    return _checked(pid, "clone")


_uids = 0


def next_uid() -> int:
    """A user number for the next submission, that no other sandbox on this machine has. To be called before forking."""
    global _uids
    _uids = (_uids + 1) % 200
    return _FIRST_UID + os.getpid() % (1 << 22) * 200 + _uids


def enter(walls: Walls, use: Sequence[str], uid: int) -> None:
    """Shut this process in, which :func:`fork` made with the same ``use``. There is no way back.

    Raises ``OSError`` when one of the protections in ``use`` cannot be had; the process must end then.
    """
    if NAMESPACES in use:
        root = os.geteuid() == 0
        owner = (uid, uid) if root else (1000, 1000)
        _build_root(walls, owner)
        _loopback_up()
        socket.sethostname("student")
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")  # when memory runs out, this goes first
        os.umask(0o022)
        for capability in range(64):
            try:
                _prctl(_PR_CAPBSET_DROP, capability)
            except OSError:
                break  # the last one there is
        if root:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
        _call("capset", struct.pack("Ii", 0x20080522, 0), bytes(24))
        os.chdir(HOME)
    _prctl(_PR_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_DUMPABLE, 0)  # until it runs what is the student's, this process is not for others to look into
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # it ends with whoever forked it
    if LIMITS in use:
        _limit(walls, count_processes=NAMESPACES in use)
    if LANDLOCK in use:
        _landlock(walls)
    if FILTER in use:
        _filter()


def confine(folder: Path) -> None:
    """Take from this process, which runs no code of a student's but reads their data, what it has no need of.

    It keeps its user, its network and its processes; it loses all privileges, the calls that could undo a wall, and,
    where there is Landlock, all files but the system's, Python's and those in ``folder``. Raises ``OSError`` where the
    filter cannot be had.
    """
    _prctl(_PR_NO_NEW_PRIVS, 1)
    _call("capset", struct.pack("Ii", 0x20080522, 0), bytes(24))
    with contextlib.suppress(OSError):
        _landlock(Walls(folder, folder))
    _filter()


def open_to_itself() -> None:
    """In the process that runs the student's code: it may look at itself in ``/proc``, as processes do."""
    _prctl(_PR_SET_DUMPABLE, 1)


def _limit(walls: Walls, count_processes: bool) -> None:
    limits = {
        resource.RLIMIT_DATA: walls.memory,
        resource.RLIMIT_FSIZE: walls.file_size,
        resource.RLIMIT_NOFILE: walls.open_files,
        resource.RLIMIT_CPU: walls.cpu_seconds,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 1 << 16,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_RTPRIO: 0,
    }
    if count_processes:  # the user is this submission's alone, else others' processes would count
        limits[resource.RLIMIT_NPROC] = walls.processes
    for kind, value in limits.items():
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        fcntl.ioctl(probe, 0x8914, struct.pack("16sh14x", b"lo", 0x41))  # SIOCSIFFLAGS: up, running


# --- the file system


@cache
def _shown() -> tuple[tuple[str, bool], ...]:
    """The paths that exist in the sandbox, in order of depth: ``True`` to show what is there, ``False`` an empty place.

    The package of the grader is emptied of all but what students have, and so is the course around it, wherever they
    are installed.
    """
    import autograder
    import modelserving

    ours, library = Path(autograder.__file__).parent, Path(modelserving.__file__).parent
    shown = {path: True for path in _SYSTEM if os.path.exists(path)}
    shown |= {f"/etc/{name}": True for name in _SETTINGS if os.path.exists(f"/etc/{name}")}
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, *sysconfig.get_paths().values()}
    prefixes |= {os.path.dirname(os.path.dirname(os.path.realpath(sys.executable)))}
    shown |= {os.path.realpath(path): True for path in prefixes if os.path.isdir(path)}
    shown |= {sys.prefix: True}
    if (ours.parent / "nbgrader_config.py").exists():
        shown[str(ours.parent)] = False
    shown |= {str(ours): False, str(ours / "__init__.py"): True, str(ours / "quiz"): True, str(library): True}
    paths = sorted(shown, key=lambda path: (path.count("/"), path))
    kept: list[tuple[str, bool]] = []
    for path in paths:  # a folder within one that is shown already needs no mount
        over = [how for above, how in kept if path.startswith(above + "/")]
        if not (over and over[-1] and shown[path]):
            kept.append((path, shown[path]))
    return tuple(kept)


def _build_root(walls: Walls, owner: tuple[int, int]) -> None:
    """Mount a new root on ``walls.root`` and move there; nothing of the old one stays reachable."""
    top = str(walls.root)
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE)
    _mount("tmpfs", top, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=8m,nr_inodes=10k,mode=755")
    for path, real in _shown():
        _show(path, top + path, real)
    for sealed in [path for path, real in _shown() if not os.path.islink(path)]:
        _seal_mount(top + sealed, _MS_RDONLY | _MS_NOSUID | _MS_NODEV)
    _devices(top)
    _scratch(top, walls, owner)
    _etc(top, owner)
    _proc(top)
    _seal_mount(top, _MS_RDONLY | _MS_NOSUID, recursive=False)
    os.chdir(top)
    _call("pivot_root", b".", b".")
    _checked(_libc().umount2(b".", 2), "umount")  # 2: MNT_DETACH
    os.chdir("/")


def _show(source: str, target: str, real: bool) -> None:
    if real and os.path.islink(source):  # /bin -> usr/bin
        if not os.path.lexists(target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.symlink(os.readlink(source), target)
        return
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        Path(target).touch()
    if real:
        _mount(source, target, None, _MS_BIND | _MS_REC)
    else:
        _mount("tmpfs", target, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=1m,nr_inodes=200,mode=755")
        _places_below(source, target)


def _places_below(source: str, target: str) -> None:
    """Make places for the mounts that go into an empty folder, before it is sealed."""
    for path, _ in _shown():
        if path.startswith(source + "/") and os.path.exists(path) and not os.path.islink(path):
            place = target + path.removeprefix(source)
            os.makedirs(place if os.path.isdir(path) else os.path.dirname(place), exist_ok=True)
            if not os.path.isdir(path):
                Path(place).touch()


def _devices(top: str) -> None:
    os.mkdir(f"{top}/dev")
    for name in _DEVICES:
        Path(f"{top}/dev/{name}").touch()
        _mount(f"/dev/{name}", f"{top}/dev/{name}", None, _MS_BIND)
    os.mkdir(f"{top}/dev/shm")
    _mount("tmpfs", f"{top}/dev/shm", "tmpfs", _MS_NOSUID | _MS_NODEV, "size=64m,nr_inodes=1k,mode=1777")
    os.mkdir(f"{top}/dev/pts")
    with contextlib.suppress(OSError):  # `!command` runs in a terminal of its own
        _mount("devpts", f"{top}/dev/pts", "devpts", _MS_NOSUID | _MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620")
        os.symlink("pts/ptmx", f"{top}/dev/ptmx")
    for name, link in {"fd": "fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}.items():
        os.symlink(f"/proc/self/{link}", f"{top}/dev/{name}")


def _scratch(top: str, walls: Walls, owner: tuple[int, int]) -> None:
    """The one place to write: a home with the submission's files in it, and /tmp, of one bounded size."""
    options = f"size={walls.scratch},nr_inodes=20k,mode=755"
    os.mkdir(f"{top}/home")
    _mount("tmpfs", f"{top}/home", "tmpfs", _MS_NOSUID | _MS_NODEV, options)
    home = top + HOME
    if walls.work is not None:
        shutil.copytree(walls.work, home, copy_function=shutil.copyfile, ignore=_only_plain)
    else:
        os.mkdir(home)
    if walls.fonts:
        os.makedirs(f"{home}/.cache/matplotlib")
        for file in walls.fonts:
            shutil.copyfile(file, f"{home}/.cache/matplotlib/{file.name}")
    for folder, _, files in os.walk(home):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            os.chown(path, *owner)
    os.mkdir(f"{top}/home/tmp")
    os.chmod(f"{top}/home/tmp", 0o1777)
    os.makedirs(f"{top}/tmp", exist_ok=True)
    if not any(path.startswith("/tmp/") for path, _ in _shown()):  # else an environment lives there, and TMPDIR serves
        _mount(f"{top}/home/tmp", f"{top}/tmp", None, _MS_BIND)


def _only_plain(folder: str, names: list[str]) -> list[str]:
    """For copytree: leave out links, pipes and devices."""
    paths = {name: os.path.join(folder, name) for name in names}
    plain = {
        n for n, path in paths.items() if not os.path.islink(path) and (os.path.isdir(path) or os.path.isfile(path))
    }
    return [name for name in names if name not in plain]


def _etc(top: str, owner: tuple[int, int]) -> None:
    os.makedirs(f"{top}/etc", exist_ok=True)
    uid, gid = owner
    texts = {
        "passwd": f"student:x:{uid}:{gid}:student:{HOME}:/bin/sh\n",
        "group": f"student:x:{gid}:\n",
        "hosts": "127.0.0.1 localhost student\n::1 localhost\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
        "resolv.conf": "",
    }
    for name, text in texts.items():
        Path(f"{top}/etc/{name}").write_text(text)


def _proc(top: str) -> None:
    """The processes of this tree. An outer container may refuse that; then there are facts on the processor only."""
    os.mkdir(f"{top}/proc")
    try:
        _mount("proc", f"{top}/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    except OSError:
        for name in ("cpuinfo", "meminfo", "stat", "filesystems"):
            Path(f"{top}/proc/{name}").write_bytes(Path(f"/proc/{name}").read_bytes())


# --- Landlock: the file system where there are no namespaces


def _landlock(walls: Walls) -> None:
    """Allow reading the system and Python, and everything below the work folder and the root folder; nothing else."""
    version = _call("landlock_create_ruleset", None, ctypes.c_size_t(0), 1)
    files = (1 << {1: 13, 2: 14}.get(version, 15)) - 1
    attributes = struct.pack("Q", files)  # the network stays open: a server on loopback must work
    if version >= 6:
        attributes += struct.pack("QQ", 0, 3)  # no sockets without a file and no signals to the outside
    ruleset = _call("landlock_create_ruleset", attributes, ctypes.c_size_t(len(attributes)), 0)
    read = 1 | 1 << 2 | 1 << 3  # execute, read a file, list a folder
    here = [str(path) for path in (walls.work, walls.root) if path is not None]
    rules = [(path, read) for path, real in _shown() if real] + [("/proc", read), ("/dev", read | 2)]
    rules += [(path, files) for path in here]
    for path, allowed in rules:
        if not os.path.exists(path):
            continue
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        allowed &= files if os.path.isdir(path) else 1 | 2 | 1 << 2 | (1 << 14 if version >= 3 else 0)
        _call("landlock_add_rule", ruleset, 1, struct.pack("=Qi", allowed & files, handle), 0)
        os.close(handle)
    _call("landlock_restrict_self", ruleset, 0)
    os.close(ruleset)


# --- the system call filter


def _filter() -> None:
    program = _program()
    code = ctypes.create_string_buffer(program)
    header = ctypes.create_string_buffer(struct.pack("H6xP", len(program) // 8, ctypes.addressof(code)))
    _prctl(_PR_SET_SECCOMP, 2, ctypes.addressof(header))


@cache
def _program() -> bytes:
    """Refuses the calls in ``_DENIED``, new namespaces, all address families but local ones and the internet's, and a
    wish to outlive one's parent."""
    machine = _machine()
    refuse, absent = 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
    program = [
        _step(0x20, 4),  # load the architecture
        _step(0x15, (0xC000003E, 0xC00000B7)[machine], 1, 0),
        _step(0x06, absent),
        _step(0x20, 0),  # load the number of the call
    ]
    if machine == 0:
        program += [_step(0x35, 0x40000000, 0, 1), _step(0x06, absent)]  # the x32 calls
    for name in _DENIED:
        program += [_step(0x15, _CALLS[name][machine], 0, 1), _step(0x06, refuse)]
    # clone3 hides its flags in memory: absent, so that the C library falls back to clone
    program += [_step(0x15, _CALLS["clone3"][machine], 0, 1), _step(0x06, absent)]
    program += [
        _step(0x15, _CALLS["clone"][machine], 0, 4),
        _step(0x20, 16),  # load the low half of the first argument
        _step(0x45, _SPACES | _NEW_USER, 0, 1),
        _step(0x06, refuse),
        _step(0x06, 0x7FFF0000),  # allow
    ]
    program += [
        _step(0x15, _CALLS["prctl"][machine], 0, 6),
        _step(0x20, 16),
        _step(0x15, _PR_SET_PDEATHSIG, 0, 3),
        _step(0x20, 24),  # the low half of the second argument: no way to outlive the one that forked it
        _step(0x15, signal.SIGKILL, 1, 0),
        _step(0x06, refuse),
        _step(0x06, 0x7FFF0000),
    ]
    families = [_step(0x15, family, len(_FAMILIES) - i, 0) for i, family in enumerate(_FAMILIES)]
    program += [
        _step(0x15, _CALLS["socket"][machine], 0, len(families) + 2),
        _step(0x20, 16),
        *families,
        _step(0x06, 0x50000 | errno.EAFNOSUPPORT),
        _step(0x06, 0x7FFF0000),
    ]
    return b"".join(program)


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    """One instruction of a classic BPF program: what to do, its value, and how many to skip if it holds or not."""
    return struct.pack("HBBI", code, yes, no, value)


# --- the end of a tree


def kill_tree(pid: int) -> None:
    """Kill a process that :func:`fork` made here, with everything it started, and wait until all are gone."""
    if not _is_first_of_its_tree(pid):
        kill_below(pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)  # the first of a process tree takes the tree along
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def kill_below(pid: int) -> None:
    """Kill everything that a process started, where no namespace does it."""
    quiet = 0
    for _ in range(100):  # one may start another while we look, and be gone itself
        below = [one for one in descendants(pid) if not _has_ended(one)]
        for one in below:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(one, signal.SIGKILL)
        quiet = 0 if below else quiet + 1
        if quiet == 3:
            return


def _is_first_of_its_tree(pid: int) -> bool:
    try:
        return len(numbers(Path(f"/proc/{pid}/status").read_text())) > 1
    except OSError:
        return False


def numbers(status: str) -> list[int]:
    """The numbers of a process in its process trees, outermost first, from the text of its ``/proc/PID/status``."""
    return [int(number) for number in status.partition("\nNSpid:")[2].partition("\n")[0].split()]


def descendants(pid: int) -> list[int]:
    """Ids of the processes below ``pid``, not itself, each behind its parent."""
    found = children(pid)
    for one in found:
        found += children(one)
    return found


def children(pid: int) -> list[int]:
    """Ids of the processes whose parent is ``pid``, those that have ended and wait to be heard among them."""
    if not os.path.exists(f"/proc/self/task/{os.getpid()}/children"):  # a kernel built without these files
        return [one for one, parent in _parents() if parent == pid]
    found = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # each has its own
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                found += map(int, file.read().split())
    return found


def _parents() -> Iterator[tuple[int, int]]:
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            yield int(name), int(_stat(int(name))[1])


def _has_ended(pid: int) -> bool:
    try:
        return _stat(pid)[0] in "ZX"
    except OSError:
        return True


def _stat(pid: int) -> list[str]:
    """What the system tells of a process behind its name: its state, its parent and more."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def adopt_orphans() -> None:
    """Have those below this process whose parent ends come to it, and to nobody else."""
    _prctl(_PR_SUBREAPER, 1)


def kill_children_but(kept: set[int]) -> None:
    """Kill the children of this process, with everything below them, but for some."""
    for pid in set(children(os.getpid())) - kept:
        kill_tree(pid)


# --- what this machine offers


def offered(folder: Path) -> tuple[str, ...]:
    """The protections that can be had here, by entering them once; ``folder`` is empty and ours."""
    if platform.machine() not in ("x86_64", "aarch64"):
        return ()
    for use in (ALL, (LANDLOCK, FILTER, LIMITS), (FILTER, LIMITS), (LIMITS,)):
        if inside(Walls(folder), use, lambda: "entered") == "entered":
            return use
    return ()


def inside(walls: Walls, use: Sequence[str], attack: Callable[[], str]) -> str:
    """What ``attack`` returns when it runs in a sandbox of its own, as a child of the sandbox's first process."""
    reading, writing = os.pipe()
    uid = next_uid()
    try:
        pid = fork(use)
    except OSError as problem:
        os.close(reading)
        os.close(writing)
        return f"there is no sandbox: {problem}"
    if pid == 0:
        os.close(reading)
        _attack(walls, use, uid, attack, writing)
    os.close(writing)
    said = b""
    if select.select([reading], [], [], PATIENCE)[0]:
        said = os.read(reading, 10_000)
    kill_tree(pid)
    os.close(reading)
    return said.decode("utf-8", "replace")


def _attack(walls: Walls, use: Sequence[str], uid: int, attack: Callable[[], str], writing: int) -> NoReturn:
    try:
        enter(walls, use, uid)
    except BaseException as problem:
        os.write(writing, f"there is no sandbox: {type(problem).__name__}: {problem}".encode())
        os._exit(1)
    if child := os.fork():
        os.waitpid(child, 0)
        if os.getpid() != 1:
            kill_below(os.getpid())
        os._exit(0)
    open_to_itself()
    if NAMESPACES not in use:
        os.chdir(walls.work or walls.root)
    try:
        os.write(writing, attack().encode("utf-8", "replace")[:10_000] or HELD)
    except BaseException as problem:
        os.write(writing, f"{type(problem).__name__}: {problem}".encode())
    os._exit(0)


PATIENCE = 20.0  # s that an attack may take
HELD = b"\0"

_GONE = (FileNotFoundError, PermissionError, NotADirectoryError, ConnectionError, ProcessLookupError)


def available(course: Path) -> list[Protection]:
    """Every protection that submissions get on this machine, tried; ``course`` is the folder that must be hidden."""
    if sys.platform != "linux":
        return [Protection("sandbox", False, "there is one for Linux only")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-m", "autograder.sandbox", str(course)]  # a process with one thread
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    if done.returncode:
        return [Protection("sandbox", False, done.stderr.strip().rpartition("\n")[2])]
    return [Protection(*row) for row in json.loads(done.stdout)]


def _prove(course: Path, use: Sequence[str] = ()) -> list[Protection]:
    """Try every protection, with those in ``use`` entered (default: all that can be had)."""
    with tempfile.TemporaryDirectory(prefix="check-") as name:
        folder = Path(name)
        (folder / "root").mkdir()
        use = use or offered(folder / "root")
        if not use:
            return [Protection("sandbox", False, inside(Walls(folder / "root"), ALL, lambda: ""))]
        walls = Walls(folder / "root", memory=1 << 30, processes=40, file_size=4 << 20, scratch=16 << 20, cpu_seconds=1)
        tries: dict[str, Callable[[], str]] = {
            "course, gradebook and other submissions are out of sight": partial(_try_files, course, folder),
            "the system cannot be written to": _try_writing,
            "other processes are out of reach": partial(_try_processes, os.getpid()),
            "no rights can be gained": _try_rights,
            "memory is bounded": partial(_try_memory, walls.memory),
            "the number of processes is bounded": partial(_try_processes_count, walls.processes),
            "files are bounded": partial(_try_filling, walls),
            "the processor's time is bounded": _try_looping,
        }
        (folder / "secret").write_text("key")
        proven = [_tried(name, inside(walls, use, attack)) for name, attack in tries.items()]
        proven.insert(2, _tried("the network ends at its own loopback", _network(walls, use)))
        return [*proven, _tried("nothing outlives a submission", _leaving(walls, use))]


def _tried(name: str, said: str) -> Protection:
    held = said == HELD.decode()
    return Protection(name, held, "" if held else said or "it did not end")


def _try_files(course: Path, folder: Path) -> str:
    for path in (folder / "secret", course / "nbgrader_config.py", course / "gradebook.db"):
        try:
            path.read_bytes()
            return f"{path.name} could be read"
        except _GONE:
            continue
    for path in (course / "source", course / "submitted", Path(__file__)):
        try:
            if path.exists():
                return f"{path.name} could be seen"
        except PermissionError:
            continue
    return ""


def _try_writing() -> str:
    for place in ("/", "/usr", "/etc", sys.prefix, sys.base_prefix, os.path.dirname(os.__file__)):
        path = Path(place, f".course-check-{os.getpid()}")
        try:
            path.touch(exist_ok=False)
        except OSError:
            continue
        path.unlink()
        return f"{place} could be written to"
    return ""


def _network(walls: Walls, use: Sequence[str]) -> str:
    with socket.socket() as server, socket.socket(socket.AF_UNIX) as hidden:
        server.bind(("127.0.0.1", 0))
        server.listen()
        hidden.bind(f"\0course-check-{os.getpid()}")  # a name that lies in no folder
        hidden.listen()
        return inside(walls, use, partial(_try_network, server.getsockname()[1], hidden.getsockname()))


def _try_network(port: int, name: bytes) -> str:
    with socket.socket() as own:  # a server of one's own must work
        own.bind(("127.0.0.1", 0))
        own.listen()
        socket.create_connection(own.getsockname(), 2).close()
    reach = {
        "a port of this machine": (socket.AF_INET, ("127.0.0.1", port)),
        "an address outside": (socket.AF_INET, ("192.0.2.1", 80)),
        "a socket of this machine without a file": (socket.AF_UNIX, name),
        "the host of this machine": (getattr(socket, "AF_VSOCK", 40), (2, 1)),
    }
    for what, (family, address) in reach.items():
        try:
            with socket.socket(family) as probe:
                probe.settimeout(1)
                probe.connect(address)
            return f"{what} was reached"
        except TimeoutError:
            return f"packets to {what} were sent"
        except OSError:
            continue
    return ""


def _try_processes(pid: int) -> str:
    if os.getpgid(0) == 0:
        return "a group of processes from outside could be signalled"
    try:
        os.kill(pid, 0)
        return "the grader's process could be signalled"
    except OSError:
        pass
    try:
        Path(f"/proc/{pid}/cmdline").read_bytes()
        return "the grader's process could be seen"
    except _GONE:
        return ""


def _try_rights() -> str:
    libc = _libc()
    tries = {
        "a new user namespace": lambda: libc.unshare(_NEW_USER),
        "a mount": lambda: 0 if libc.mount(b"none", b"/", b"none such", 0, None) and _allowed() else 1,
        "root's number": lambda: libc.setresuid(0, 0, 0),
        "tracing": lambda: libc.ptrace(0, 0, None, None),  # of itself, by its parent
    }
    for what, call in tries.items():
        if call() == 0:
            return f"{what} was to be had"
    return ""


def _allowed() -> bool:
    """Whether the last call failed for another reason than that it is forbidden."""
    return ctypes.get_errno() not in (errno.EPERM, errno.EACCES)


def _try_memory(limit: int) -> str:
    try:
        bytearray(limit + (64 << 20))
    except MemoryError:
        return ""
    return f"more than {limit >> 20} MB were to be had"


def _try_processes_count(limit: int) -> str:
    started = 0
    try:
        while started < limit + 5:
            if os.fork() == 0:
                time.sleep(PATIENCE)
                os._exit(0)
            started += 1
    except BlockingIOError:
        return ""
    return f"{started} processes could be started"


def _try_filling(walls: Walls) -> str:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        Path("large").write_bytes(bytes(walls.file_size + 1))
        return f"a file of more than {walls.file_size >> 20} MB could be written"
    except OSError:
        pass
    try:
        for number in range(2 * walls.scratch // walls.file_size):
            Path(str(number)).write_bytes(bytes(walls.file_size))
    except OSError:
        return ""
    return f"{2 * walls.scratch >> 20} MB could be written"


def _try_looping() -> str:
    if (child := os.fork()) == 0:
        while True:
            pass
    _, status = os.waitpid(child, 0)
    return "" if os.WIFSIGNALED(status) else "a loop ended by itself"


def _leaving(walls: Walls, use: Sequence[str]) -> str:
    """A process that left its session and its parents holds a pipe open: is it closed when the tree is killed?"""
    reading, writing = os.pipe()
    said = inside(walls, use, _try_leaving)
    os.close(writing)
    closed = select.select([reading], [], [], 5)[0]
    os.close(reading)
    return said if closed else "a process outlived its submission"


def _try_leaving() -> str:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))
            time.sleep(60)
        os._exit(0)
    return ""


if __name__ == "__main__":
    print(json.dumps([astuple(found) for found in _prove(Path(sys.argv[1]))]))
