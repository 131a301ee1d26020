#!/usr/bin/env python3
"""Runs one batch verb of a Headstart tool in shards on a Ray cluster: plan, shards, merge.

    python run.py --shards 16 --cpus 1 --memory 2G -- profiler traits --model model.gguf ... --out profiles.parquet

Plan, shards and merge all run on the cluster, in this process's current folder, which the nodes must have too, with the
files and the tool. A finished shard is never done twice, so the same command goes on after whatever stopped it.

The exit code is that of the job: 0 all is done and merged; 1 a retry may help; 2 wrong usage; 3 a check says no;
42 bad data; 137 out of memory, also with twice the memory; 130 and 143 stopped by a signal.
"""

import argparse
import math
import signal
import sys
import time

import ray
from ray import exceptions as lost

FINAL = {2: "wrong usage", 3: "a check says no", 42: "bad data", 126: "the tool cannot be run", 127: "the tool was not found"}
KILLED = (-9, 137)  # what the kernel's and a container's OOM killer leave
LOST = -1000  # no exit code: the worker or its node is gone
LOSSES = 10  # of one piece of work, before it is held to be the work that kills nodes
STOP_SECONDS = 10  # the time a tool has after SIGTERM, by contract


# --- on the nodes -------------------------------------------------------------------------------------------------------


def work(argv, folder):
    """Runs a tool; yields the node's name when it starts, then (exit code, end of stderr, stdout)."""
    import collections
    import ctypes
    import os
    import socket
    import subprocess
    import threading

    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def die_with_worker():
        # Ray kills a worker whose node is lost without a word to its children: let the kernel tell the tool.
        if libc is not None:
            libc.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG

    yield socket.gethostname()
    # Ray cancels by an interrupt, which as an exception could come just when the tool has started and nobody knows it yet.
    stopped = []
    interrupt = signal.signal(signal.SIGINT, lambda *_: stopped.append(True))
    try:
        try:
            pipe = subprocess.PIPE
            tool = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, preexec_fn=die_with_worker)
        except OSError as error:
            code = 126 if isinstance(error, PermissionError) else 127
            yield code, f"{argv[0]} in {folder}: {error}", b""
            return

        said, printed = collections.deque(maxlen=20), []

        def read_stderr():
            for line in tool.stderr:
                said.append(line.decode(errors="replace"))
                print(said[-1], end="", file=sys.stderr, flush=True)  # into Ray's log of the worker

        readers = [threading.Thread(target=read_stderr), threading.Thread(target=lambda: printed.append(tool.stdout.read()))]
        for reader in readers:
            reader.daemon = True
            reader.start()
        while tool.poll() is None and not stopped:
            time.sleep(0.1)
        if stopped:
            tool.terminate()
            try:
                tool.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                tool.kill()
                tool.wait()
        for reader in readers:
            reader.join(timeout=5)  # something that the tool started may hold the pipe open
        yield tool.returncode, "".join(said), b"".join(printed)
    finally:
        signal.signal(signal.SIGINT, interrupt)


# --- in the driver ------------------------------------------------------------------------------------------------------


class Stop(Exception):
    """The end of the job, with its exit code."""

    def __init__(self, code, message=""):
        super().__init__(message)
        self.code = code


class Piece:
    """One run of the tool: the plan, a shard, or the merge."""

    def __init__(self, name, argv, memory):
        self.name, self.argv, self.memory = name, argv, memory
        self.failures = self.losses = 0
        self.doubled = False
        self.handle = None  # of the Ray task, while there is one
        self.started = None
        self.due = 0.0  # not to be submitted before
        self.state = "waiting"
        self.code = None
        self.printed = b""


class Job:
    def __init__(self, options):
        self.options = options
        self.task = ray.remote(work)
        self.drawn = 0  # length of the progress line on the terminal
        self.stopped = None  # the signal that came

    # One round over pieces that do not depend on each other.
    def run(self, pieces):
        begun, said_at = time.monotonic(), 0.0
        while any(piece.state in ("waiting", "running") for piece in pieces):
            if self.stopped:
                raise Stop(128 + self.stopped, f"stopped by {self.stopped.name}")
            now = time.monotonic()
            for piece in pieces:
                if piece.handle is None and piece.state == "waiting" and piece.due <= now:
                    self.submit(piece)
            handles = {piece.handle: piece for piece in pieces if piece.handle is not None}
            if handles:
                # Nothing is fetched here: a task that is to be run anew on a node that lives must not block the others.
                ready, _ = ray.wait(list(handles), num_returns=1, timeout=0.5, fetch_local=False)
                for handle in ready:
                    self.hear(handles[handle])
            else:
                time.sleep(0.2)
            often = 0.5 if sys.stderr.isatty() else 10.0
            if len(pieces) > 1 and time.monotonic() - said_at >= often:
                said_at = time.monotonic()
                self.draw(pieces, said_at - begun)
        if len(pieces) > 1:
            self.draw(pieces, time.monotonic() - begun)

    def submit(self, piece):
        options = {"num_cpus": self.options.cpus, "num_gpus": self.options.gpus, "memory": piece.memory}
        piece.handle = self.task.options(
            max_retries=0,  # the tool's exit code says whether a retry helps, so retries are decided here
            num_returns="streaming",
            scheduling_strategy="SPREAD",
            name=piece.name,
            **options,
        ).remote(piece.argv, self.options.folder)

    def hear(self, piece):
        """Takes what a task has to say: that it began, or how it ended."""
        try:
            word = ray.get(next(piece.handle))
        except StopIteration:
            self.end(piece, LOST, "the task ended without an answer")
        except lost.OutOfMemoryError:
            self.end(piece, 137, "Ray's memory monitor stopped it")
        except (lost.WorkerCrashedError, lost.NodeDiedError, lost.ObjectLostError, lost.RaySystemError, lost.LocalRayletDiedError) as error:
            self.end(piece, LOST, type(error).__name__)
        except lost.RayTaskError as error:  # not the tool's word: something of Python or Ray on that node
            self.end(piece, 1, str(error))
        else:
            if isinstance(word, str):
                piece.state, piece.started = "running", time.monotonic()
            else:
                code, said, piece.printed = word
                self.end(piece, code, said)

    def end(self, piece, code, said):
        piece.handle, piece.state, piece.code = None, "waiting", code
        if code == 0:
            piece.state = "done"
        elif code in FINAL:
            piece.state = "failed"
            self.say(f"{piece.name}: exit code {code}, {FINAL[code]}: no retry", said)
            raise Stop(code)  # the others are cancelled
        elif code in KILLED:
            piece.code = 137
            more = self.more_memory(piece)
            if more is None:
                piece.state = "failed"
                self.say(f"{piece.name}: killed, out of memory it seems; no more is to be had", said)
            else:
                self.say(f"{piece.name}: killed, out of memory it seems; again with {size(more)}", said)
                piece.memory, piece.doubled = more, True
        elif code in (LOST, -signal.SIGTERM, 143):
            # A node that goes away, or is drained, is no fault of the shard.
            piece.losses, piece.code = piece.losses + 1, 1
            self.later(piece, piece.losses, LOSSES, "its node or worker is lost", said)
        else:
            piece.failures, piece.code = piece.failures + 1, code if code > 0 else 128 - code
            self.later(piece, piece.failures, self.options.retries, f"exit code {piece.code}", said)

    def later(self, piece, times, most, what, said):
        if times > most:
            piece.state = "failed"
            self.say(f"{piece.name}: {what}, {times} times: given up", said)
            return
        wait = min(self.options.backoff * 2 ** (times - 1), 60.0)
        piece.due = time.monotonic() + wait
        self.say(f"{piece.name}: {what}; again in {wait:g} s ({times} of {most})", said)

    def more_memory(self, piece):
        """Twice the memory, or what the largest node has; none if that is no more, or was tried."""
        largest = max((node["Resources"].get("memory", 0) for node in ray.nodes() if node["Alive"]), default=0)
        # A task that no node can hold would wait for ever.
        more = int(min(2 * piece.memory, largest))
        return more if more > piece.memory and not piece.doubled else None

    def cancel(self, pieces):
        """Stops what runs; tools keep their finished units and end within STOP_SECONDS."""
        open_pieces = [piece for piece in pieces if piece.handle is not None]
        for piece in open_pieces:
            ray.cancel(piece.handle, force=False, recursive=False)
        # The tools are waited for, so that whoever starts the job again meets no process of this one.
        ends = time.monotonic() + STOP_SECONDS + 5
        for piece in open_pieces:
            try:
                while time.monotonic() < ends:
                    ray.get(next(piece.handle), timeout=max(0.1, ends - time.monotonic()))
            except Exception:
                pass  # it is cancelled, or its node is gone
            piece.handle, piece.state = None, "cancelled"

    # --- what is said ---

    def say(self, message, said=""):
        if self.drawn:
            sys.stderr.write("\r" + " " * self.drawn + "\r")
            self.drawn = 0
        sys.stderr.write(f"run.py: {message}\n")
        sys.stderr.writelines(f"    {line}\n" for line in said.strip().splitlines())
        sys.stderr.flush()

    def draw(self, pieces, seconds):
        count = {state: sum(piece.state == state for piece in pieces) for state in ("done", "running", "waiting", "failed")}
        text = f"{count['done']} of {len(pieces)} shards done, {count['running']} running, {count['waiting']} waiting"
        if count["failed"]:
            text += f", {count['failed']} failed"
        left = count["running"] + count["waiting"]
        # Of shards in rounds: what is done so far tells what a shard takes of the cluster, running ones counted half.
        work_done = count["done"] + count["running"] / 2
        if count["done"] and left:
            text += f", about {duration(seconds * (len(pieces) - count['failed'] - work_done) / work_done)} left"
        if sys.stderr.isatty():
            sys.stderr.write("\r" + text.ljust(self.drawn))
            self.drawn = len(text)
            if not left:
                self.say(f"{text} in {duration(seconds)}")
            sys.stderr.flush()
        else:
            self.say(text if left else f"{text} in {duration(seconds)}")

    # --- the whole ---

    def one(self, name, argv):
        piece = Piece(name, argv, self.options.memory)
        self.current = [piece]
        self.run(self.current)
        if piece.state != "done":
            raise Stop(piece.code)
        return piece

    def all(self):
        tool, *arguments = self.options.command
        shards = self.options.shards
        self.one("plan", [tool, "plan", "--shards", str(shards), *arguments])
        # By default a tool takes every core of its node, which Ray has promised to others.
        fixed = any(argument.split("=")[0] == "--workers" for argument in arguments)
        own = [] if fixed else ["--workers", str(max(1, int(self.options.cpus)))]
        self.current = [
            Piece(f"shard {i}", [tool, *arguments, *own, "--shard", f"{i}/{shards}"], self.options.memory) for i in range(shards)
        ]
        self.run(self.current)
        failed = [piece for piece in self.current if piece.state != "done"]
        if failed:
            # The others went on: a rerun has these alone to do.
            names = ", ".join(piece.name.removeprefix("shard ") for piece in failed)
            self.say(f"shards {names} are not done; nothing is merged. The same command goes on from here")
            raise Stop(failed[0].code)
        merge = ["merge", *(["--clean"] if self.options.clean else [])]
        sys.stdout.buffer.write(self.one("merge", [tool, *merge, *arguments]).printed)
        sys.stdout.flush()


def size(count):
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if count >= unit:
            return f"{count / unit:.4g} {name}"
    return f"{count} B"


def duration(seconds):
    minutes, seconds = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def memory(text):
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
    number = text.upper().removesuffix("B").removesuffix("I")
    scale = units.get(number[-1:], 1)
    try:
        value = int(float(number[:-1] if scale > 1 else number) * scale)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no size such as 2G or 512M") from None
    if value <= 0:
        raise argparse.ArgumentTypeError("memory must be above 0")
    return value


def arguments_of(argv):
    import os

    own, command = (argv[: argv.index("--")], argv[argv.index("--") + 1 :]) if "--" in argv else (argv, [])
    parser = argparse.ArgumentParser(
        prog="run.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage="run.py --shards N [options] -- TOOL VERB ARGS..."
    )
    parser.add_argument("--shards", type=int, required=True, metavar="N", help="pieces of the work, several per core of the cluster")
    parser.add_argument("--cpus", type=float, default=1, help="cores of a shard; also its --workers, unless the verb's own say so [1]")
    parser.add_argument("--gpus", type=float, default=0, help="GPUs of a shard [0]")
    parser.add_argument("--memory", type=memory, default=memory("2G"), help="memory of a shard, which Ray sets aside and does not enforce [2G]")
    parser.add_argument("--retries", type=int, default=3, help="of a shard that fails with an exit code for which a retry may help [3]")
    parser.add_argument("--backoff", type=float, default=2, metavar="SECONDS", help="before the first retry; doubled for each further one, at most 60 [2]")
    parser.add_argument("--address", default="auto", help="the Ray cluster: auto, local, HOST:PORT or ray://HOST:PORT [auto]")
    parser.add_argument("--folder", default=os.getcwd(), help="where the tool runs, on every node [the current folder]")
    parser.add_argument("--clean", action="store_true", help="remove the parts after the merge")
    options = parser.parse_args(own)
    if len(command) < 2:
        parser.error("after -- a tool, its verb and the verb's arguments are wanted")
    if options.shards < 1 or options.cpus < 0 or options.gpus < 0 or options.retries < 0 or options.backoff < 0:
        parser.error("--shards must be at least 1, and no number negative")
    if any(argument.split("=")[0] in ("--shard", "--shards") for argument in command):
        parser.error("--shard and --shards are added here: leave them out after --")
    options.command = command
    return options


def answers(address):
    """Whether something listens at HOST:PORT. Ray itself would try for many minutes."""
    import socket

    host, _, port = address.rpartition(":")
    if not port.isdigit() or "/" in host:
        return True  # auto, local, ray://...: Ray knows
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
        return True
    except OSError:
        return False


def main():
    options = arguments_of(sys.argv[1:])

    try:
        if not answers(options.address):
            raise ConnectionError("nothing answers there")
        ray.init(address=options.address, log_to_driver=False, logging_level="ERROR")
    except ConnectionError as error:
        print(f"run.py: no Ray cluster at '{options.address}': {error}\nhint: `ray start --head`, or --address", file=sys.stderr)
        return 1
    job = Job(options)
    # After ray.init, which sets handlers of its own. An exception out of a handler would go through Ray's C++.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: setattr(job, "stopped", signal.Signals(number)))
    try:
        job.all()
        return 0
    except Stop as end:
        if str(end):
            job.say(f"{end}; what is finished is kept")
        job.cancel(job.current)
        return end.code
    finally:
        ray.shutdown()


if __name__ == "__main__":
    sys.exit(main())
