"""The byte streams to and from a simulator: a child process of our own, or a Unix socket that one listens on."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sysconfig
import threading
import weakref
from collections import deque
from collections.abc import Sequence
from typing import IO, Any, Optional, Union

from .errors import SimulatorError

BINARY = "simulator"
BINARY_VARIABLE = "HEADSTART_SIMULATOR"
_BUFFER = 1 << 20
_TAIL_LINES = 15
# How long the simulator may take to exit when asked to, and to say why when it broke off.
_GRACE_SECONDS = 5.0

Path = Union[str, "os.PathLike[str]"]


def find_binary(binary: Optional[Path] = None) -> str:
    """Find the simulator: the argument, else ``$HEADSTART_SIMULATOR``, else the name on ``PATH`` or beside Python."""
    wanted = os.fspath(binary) if binary is not None else os.environ.get(BINARY_VARIABLE) or BINARY
    # An environment that was not activated is not on PATH; the wheel puts the binary among its scripts.
    found = shutil.which(wanted) or shutil.which(wanted, path=sysconfig.get_path("scripts"))
    if found is None:
        raise SimulatorError(
            f"the simulator's binary was not found: {wanted!r} is not a program\n"
            "hint: install Headstart's wheel; or build it (`make build` leaves target/release/simulator) and "
            f"pass binary=..., set {BINARY_VARIABLE}, or put its folder on PATH"
        )
    return found


class Child:
    """A simulator that runs as our child process: frames over its stdin and stdout, its stderr kept."""

    def __init__(self, words: Sequence[str]) -> None:
        """Start the program ``words[0]`` with the arguments that follow."""
        self._what = " ".join(words)
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=_BUFFER,
            )
        except OSError as error:
            raise SimulatorError(f"the simulator cannot be started: {error}\ncommand: {self._what}") from error
        assert process.stdin and process.stdout and process.stderr
        self.process = process
        self.source: Any = process.stdout
        self.sink: Any = process.stdin
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        # The pipe is drained all the time: a child whose stderr is full would stop in the middle of a step.
        self._drain = threading.Thread(target=_keep_tail, args=(process.stderr, self._tail), daemon=True)
        self._drain.start()
        self._finalizer = weakref.finalize(self, _end, process)

    def explain(self, what: str) -> SimulatorError:
        """Make an error of ``what``, the exit status and the end of stderr; ends the process."""
        try:
            self.process.wait(_GRACE_SECONDS)
            ended = f"it exited with status {self.process.returncode}"
        except subprocess.TimeoutExpired:
            ended = "it still ran, and was ended"
        self.close(politely=False)
        text = f"the simulator failed: {what}; {ended}\ncommand: {self._what}"
        if self._tail:
            text += "\nthe end of its stderr:\n" + "\n".join(f"    {line}" for line in self._tail)
        return SimulatorError(text)

    def close(self, politely: bool = True) -> None:
        """End the process and wait for it; ``politely`` gives it time to exit by itself. Can be repeated."""
        _quietly(self.sink.close)
        if politely:
            try:
                self.process.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                pass
        self._finalizer()
        self._drain.join(_GRACE_SECONDS)


class UnixSocket:
    """A simulator that listens on a Unix socket: ``simulator serve --socket PATH``."""

    def __init__(self, path: Path) -> None:
        """Connect to ``path``."""
        self._what = f"socket {os.fspath(path)}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(os.fspath(path))
        except OSError as error:
            self._socket.close()
            raise SimulatorError(
                f"cannot connect to {self._what}: {error}\n"
                "hint: start `simulator serve --environment DIR --envs N --socket PATH` first; "
                "any number of clients can connect, each to environments of its own"
            ) from error
        self.source: Any = self._socket.makefile("rb", buffering=_BUFFER)
        self.sink: Any = self._socket.makefile("wb", buffering=_BUFFER)

    def explain(self, what: str) -> SimulatorError:
        """Make an error of ``what``; the server's own stderr says more. Closes the connection."""
        self.close(politely=False)
        return SimulatorError(f"the simulator at {self._what} failed: {what}\nhint: the server's stderr says more")

    def close(self, politely: bool = True) -> None:
        """Close the connection. Can be repeated."""
        del politely
        for close in (self.sink.close, self.source.close, self._socket.close):
            _quietly(close)


def _keep_tail(stderr: IO[bytes], tail: deque[str]) -> None:
    with stderr:
        for line in stderr:
            tail.append(line.decode("utf-8", "replace").rstrip())


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            _quietly(pipe.close)


def _quietly(close: Any) -> None:
    """Close what may have lost its other end: buffered bytes that cannot be sent any more are no error here."""
    try:
        close()
    except (OSError, ValueError):
        pass
