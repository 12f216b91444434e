"""The process that watches over memory: what holds too much ends, and so does what nobody waits for."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")

SET_UP = """
import ctypes, json, os, socket, sys, time
from autograder import watch

def pair():
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

door, there = pair()
if os.fork() == 0:
    door.close()
    watch.serve(there.detach())
there.close()

def submission(memory, work):
    helm, theirs = pair()
    pid = os.fork()
    if pid == 0:
        try:
            helm.close()
            watch.register(door.fileno(), theirs.fileno(), memory, own_network=False)
            theirs.close()
            door.close()
            work()
        finally:
            os._exit(0)
    theirs.close()
    helm.settimeout(60)
    return pid, helm

def sleep():
    time.sleep(600)

def fill(size):
    taken = bytearray(size)
    taken[::4096] = bytes([1]) * len(taken[::4096])
    sleep()

def fill_in_children(size, hide=False):
    libc = ctypes.CDLL(None)
    for _ in range(3):
        if os.fork() == 0:
            libc.prctl(1, 9, 0, 0, 0)  # ends with its parent: here no namespace sees to that
            if hide:
                libc.prctl(4, 0, 0, 0, 0)  # not dumpable: /proc tells no more than is told to everybody
            fill(size)
    sleep()

def status(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""


def told(code: str):
    """What a process with one thread, in which ``SET_UP`` has run, prints as JSON."""
    done = subprocess.run([sys.executable, "-c", SET_UP + code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "work", ["fill(300 << 20)", "fill_in_children(100 << 20)", "fill_in_children(100 << 20, True)"]
)
def test_what_holds_too_much_is_ended_and_its_grader_told(work):
    code = f"pid, helm = submission(200 << 20, lambda: {work})\n"
    code += (
        "told = json.loads(helm.recv(10_000))['memory']\nprint(json.dumps([status(pid), told, helm.recv(9) == b'']))"
    )
    status, held, closed = told(code)
    assert status == -signal.SIGKILL
    assert sum(size for _, size in held) > 200 << 20
    assert [size for _, size in held] == sorted((size for _, size in held), reverse=True)
    assert closed


def test_a_submission_ends_with_its_grader():
    assert told("pid, helm = submission(1 << 30, sleep)\nhelm.close()\nprint(status(pid))") == -signal.SIGKILL


def test_a_grader_hears_of_the_end_of_its_submission():
    code = "pid, helm = submission(1 << 30, lambda: time.sleep(0.1))\n"
    code += "print(json.dumps([helm.recv(99) == b'', status(pid)]))"
    assert told(code) == [True, 0]


def test_submissions_end_when_nobody_could_register_more():
    assert told("pid, helm = submission(1 << 30, sleep)\ndoor.close()\nprint(status(pid))") == -signal.SIGKILL


def test_others_are_not_harmed():
    code = "calm, other = submission(400 << 20, lambda: fill(50 << 20))\n"
    code += "pid, helm = submission(200 << 20, lambda: fill(300 << 20))\n"
    code += "helm.recv(9999)\nstatus(pid)\ntime.sleep(1)\nprint(json.dumps(os.waitpid(calm, os.WNOHANG)))"
    assert told(code) == [0, 0]
