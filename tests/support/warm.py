"""Python processes that start at once: forked from a process that has imported the Pulumi SDK.

A turn of the small engine starts a program and a host, and each spends its time on `import pulumi`. :func:`warm_python`
gives the path of an interpreter for :class:`LocalStack` that avoids it. What it runs is unmodified; it replaces
``python -u <file>`` and ``python -u -m <module>``, which is all that the engine asks of an interpreter.
"""

from __future__ import annotations

import atexit
import functools
import gc
import io
import os
import runpy
import select
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

Order = tuple[list[str], str, dict[str, str]]

# The front: it gives its arguments and streams to the server, forwards signals, and ends as the process behind it.
# Each process of each engine has one, so it imports only modules that are part of the interpreter.
FRONT = """
import array, os, sys, _signal, _socket
server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
server.connect(sys.argv[1])
def pass_on(number, _):
    try:
        server.send(bytes([number]))
    except OSError:
        pass  # it has just ended
for number in (_signal.SIGINT, _signal.SIGTERM):
    _signal.signal(number, pass_on)
environ = [name + b"=" + value for name, value in os.environb.items()]
words = [os.fsencode(word) for word in [os.getcwd(), str(len(sys.argv) - 2), *sys.argv[2:]]]
order = b"\\0".join([*words, *environ])
streams = array.array("i", [0, 1, 2])
server.sendmsg([len(order).to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
server.sendall(order)
ended = int.from_bytes(server.recv(2) or b"\\x00\\x01", "big", signed=True)
if ended < 0:
    if -ended != _signal.SIGKILL:
        _signal.signal(-ended, _signal.SIG_DFL)
    os.kill(os.getpid(), -ended)
sys.exit(ended)
"""


@functools.cache
def warm_python() -> str:
    """The path of a program that can be called like an interpreter; it works as long as this process lives.

    On other systems than Linux it is the interpreter itself.
    """
    if sys.platform != "linux":
        return sys.executable
    folder = tempfile.TemporaryDirectory(prefix="warm-")
    address = Path(folder.name) / "socket"
    server = subprocess.Popen([sys.executable, __file__, str(address)], stdin=subprocess.PIPE)
    assert server.wait() == 0  # from now on its child serves, which is not a child of this process
    (Path(folder.name) / "front.py").write_text(FRONT)
    front = Path(folder.name) / "python"
    words = [sys.executable, "-IS", f"{folder.name}/front.py", str(address)]
    front.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    front.chmod(0o700)

    def end() -> None:
        assert server.stdin
        server.stdin.close()  # which ends the server
        folder.cleanup()

    atexit.register(end)
    return str(front)


def _serve(address: str) -> Order:
    """Fork a process for each front, in the background; returns in each of these processes, with its order."""
    gc.collect()
    gc.freeze()  # the children neither scan nor copy the existing objects
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no process waits for the keepers
    if os.fork():
        os._exit(0)
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            os._exit(0)
        front, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            return _keep(front)
        front.close()


def _keep(front: socket.socket) -> Order:
    """Fork the requested process and report its end to its front; returns in the new process."""
    head, streams, _, _ = socket.recv_fds(front, 4, 3)
    with front.makefile("rb", buffering=0) as stream:
        text = b""
        while len(text) < int.from_bytes(head, "big"):
            text += stream.read(65536)
    process = os.fork()
    if process == 0:
        front.close()
        for number, stream_ in enumerate(streams):
            os.dup2(stream_, number)
            os.close(stream_)
        return _order(text)
    for stream_ in [0, 1, 2, *streams]:
        os.close(stream_)
    ended = os.pidfd_open(process)
    while True:
        ready, _, _ = select.select([front.fileno(), ended], [], [])
        if ended in ready:
            _, status = os.waitpid(process, 0)
            front.send(os.waitstatus_to_exitcode(status).to_bytes(2, "big", signed=True))
            os._exit(0)
        signals = front.recv(1)
        os.kill(process, signals[0] if signals else signal.SIGKILL)


def _order(text: bytes) -> Order:
    """Arguments, folder and environment from the message of a front."""
    folder, count, *words = map(os.fsdecode, text.split(b"\0"))
    arguments, environ = words[: int(count)], words[int(count) :]
    return arguments, folder, dict(pair.split("=", 1) for pair in environ)


def _become(arguments: list[str], folder: str, environ: dict[str, str]) -> None:
    """Run what the interpreter was asked to run, as if this process had just started."""
    # A test changes its program twice in a second, and time stamps of compiled programs count seconds.
    sys.dont_write_bytecode = True
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    # Unbuffered, as with -u.
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w"), write_through=True)
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w"), errors="backslashreplace", write_through=True)
    _, *words = arguments  # the first is -u
    if words[0] == "-m":
        sys.argv = words[1:]
        sys.path[0] = folder
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        sys.path[0] = str(Path(words[0]).parent)
        runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    import requests  # noqa: F401

    import nebius_model_resource.provider
    import nebius_model_resource.resources  # noqa: F401

    _become(*_serve(sys.argv[1]))
