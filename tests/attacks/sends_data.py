"""
what = "Sends what it finds to ports and sockets of the host: TCP, UDP, IPv6, Unix and abstract sockets, by curl and Python."
row = "sends data to a port on the host, or out"
[verdicts]
test_mean = "failed"
test_mean_hidden = "failed"
"""
# %% [exercises] mean
import socket, subprocess, sys

def send(family, kind, address):
    try:
        with socket.socket(family, kind) as out:
            out.settimeout(1)
            out.connect(address)
            out.sendall(b"stolen")
            if kind == socket.SOCK_STREAM:
                print("reached".upper(), "the host")
    except OSError as problem:
        print(type(problem).__name__)

def send_all():
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"), (socket.AF_INET6, "::ffff:127.0.0.1")):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            send(family, kind, (address, @PORT@))
    send(socket.AF_UNIX, socket.SOCK_STREAM, "@SOCKET@")
    send(socket.AF_UNIX, socket.SOCK_STREAM, "\0@ABSTRACT@")

send_all()
subprocess.run([sys.executable, "-S", "-c", "import socket; socket.create_connection(('127.0.0.1', @PORT@), 1).send(b'x')"],
               stderr=subprocess.DEVNULL)

def mean(values):
    send_all()
    return 0
