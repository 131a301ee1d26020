"""Step frames: one Arrow IPC stream each way, a record batch a vector step.

This module alone knows their columns. The Rust side is ``common/src/frame``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Optional, Union

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .connection import Child, UnixSocket
from .errors import SimulatorError

PROTOCOL = 2
_HELLO_KEY = b"headstart.hello"
_REPLY = pa.schema(
    [
        pa.field("env", pa.uint32(), nullable=False),
        pa.field("item", pa.list_(pa.field("item", pa.utf8(), nullable=False)), nullable=False),
        pa.field("propensity", pa.float32(), nullable=False),
        pa.field("policy_version", pa.uint64(), nullable=False),
    ]
)
# A continuation marker and a length of zero: the end of an Arrow IPC stream.
_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"


class Request(NamedTuple):
    """One vector step from the simulator; a row an environment, row i that of environment i."""

    user_id: pa.StringArray
    step: npt.NDArray[np.int64]
    reward: npt.NDArray[np.float32]
    """0 where the row begins an episode."""
    done: npt.NDArray[np.bool_]
    truncated: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Hello:
    """What the simulator says before the first step."""

    environment: str
    seed: int
    horizon: int


class _NoHello(Exception):
    """What is wrong with a hello."""


def _hello_of(schema: pa.Schema) -> tuple[Hello, int]:
    """Read the hello and the number of items of a slate from the schema of a stream."""
    try:
        said: dict[str, Any] = json.loads((schema.metadata or {})[_HELLO_KEY])
        protocol = said["protocol"]
        if protocol == PROTOCOL:
            return Hello(str(said["environment"]), int(said["seed"]), int(said["horizon"])), int(said["slate"])
    except (KeyError, TypeError, ValueError) as error:
        raise _NoHello(f"its hello cannot be read ({_brief(error)})") from error
    raise _NoHello(f"it speaks protocol {protocol}, this client speaks {PROTOCOL}: use both of the same release")


def _reply(env: Any, slates: Any, propensity: Any, policy_version: Any) -> Any:
    """One vector step's reply, as bytes: a column each."""
    columns = [
        pa.array(env, pa.uint32()),
        pa.array(slates, _REPLY.field("item").type),
        pa.array(propensity, pa.float32()),
        pa.array(policy_version, pa.uint64()),
    ]
    return pa.record_batch(columns, schema=_REPLY).serialize()


class Frames:
    """A session with a simulator, from its hello to the end of the reply stream."""

    def __init__(self, connection: Union[Child, UnixSocket]) -> None:
        """Read the hello, and answer with the schema of the replies."""
        self._connection = connection
        # While frames are under way the other end may be in the middle of a write and cannot be asked to end.
        self._between_frames = False
        try:
            self._reader = pa.ipc.open_stream(connection.source)
            self.hello = self._read_hello()
            connection.sink.write(_REPLY.serialize())
            connection.sink.flush()
        except (pa.ArrowException, OSError) as error:
            raise connection.explain(f"its stream did not begin as one of step frames ({_brief(error)})") from error

    def _read_hello(self) -> Hello:
        try:
            hello, slate = _hello_of(self._reader.schema)
        except _NoHello as error:
            raise self._refuse(str(error)) from error.__cause__
        if slate != 1:
            raise self._refuse(f"it asks for slates of {slate} items; this client chooses one item a step")
        return hello

    def _refuse(self, what: str) -> SimulatorError:
        self._connection.close(politely=False)
        return SimulatorError(f"no session with this simulator: {what}")

    def receive(self) -> Request:
        """Wait for the next vector step."""
        self._between_frames = False
        try:
            batch = self._reader.read_next_batch()
        except StopIteration:
            raise self._connection.explain("it ended the session") from None
        except (pa.ArrowException, OSError) as error:
            raise self._connection.explain(f"its stream is damaged or cut short ({_brief(error)})") from error
        self._between_frames = True
        try:
            env = batch.column("env").to_numpy()
            request = Request(
                user_id=batch.column("user_id"),
                step=batch.column("step").to_numpy().astype(np.int64),
                reward=batch.column("reward").fill_null(0.0).to_numpy().astype(np.float32),
                done=batch.column("done").to_numpy(zero_copy_only=False),
                truncated=batch.column("truncated").to_numpy(zero_copy_only=False),
            )
        except (KeyError, pa.ArrowException) as error:
            raise self._refuse(f"a frame lacks what the protocol asks for ({_brief(error)})") from error
        if not np.array_equal(env, np.arange(len(env))):
            raise self._refuse("a frame does not hold every environment once, in order")
        return request

    def send(
        self,
        acts: npt.NDArray[np.bool_],
        items: pa.Array,
        propensity: npt.NDArray[np.float32],
        policy_version: int,
    ) -> None:
        """Answer a vector step: rows where ``acts`` holds get the next of ``items``, the others an empty slate."""
        rows = len(acts)
        offsets = np.zeros(rows + 1, np.int32)
        np.cumsum(acts, out=offsets[1:])
        slates = pa.ListArray.from_arrays(pa.array(offsets), items).cast(_REPLY.field("item").type)
        reply = _reply(np.arange(rows, dtype=np.uint32), slates, propensity, np.full(rows, policy_version, np.uint64))
        self._between_frames = False
        try:
            self._connection.sink.write(reply)
            self._connection.sink.flush()
        except (OSError, ValueError) as error:
            raise self._connection.explain(f"it does not take a reply ({_brief(error)})") from error

    def close(self) -> None:
        """Close the reply stream, on which the simulator ends the session. Can be repeated."""
        if self._between_frames:
            self._between_frames = False
            try:
                self._connection.sink.write(_END_OF_STREAM)
                self._connection.sink.flush()
            except (OSError, ValueError):
                self._connection.close(politely=False)
            else:
                self._connection.close()
        else:
            self._connection.close(politely=False)


def _brief(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0]


class Asked(NamedTuple):
    """One row of a vector step, as an agent sees it."""

    env: int
    user: str
    step: int
    last_item: Optional[str]
    reward: Optional[float]
    done: bool
    truncated: bool


class AgentFrames:
    """The other side of a session: what an environment asks, and an agent's replies to it."""

    def __init__(self, source: Any, sink: Any) -> None:
        """Read the hello from ``source``, and answer on ``sink`` with the schema of the replies.

        The schema goes out before the first reply. pyarrow's own stream writer would keep it until then, and both sides
        would wait for each other.
        """
        try:
            self._reader = pa.ipc.open_stream(source)
            self.hello, self.slate = _hello_of(self._reader.schema)
        except (pa.ArrowException, _NoHello) as error:
            raise SimulatorError(
                f"stdin did not begin as a stream of step frames ({_brief(error)})\n"
                "hint: an agent is started by `simulator run --agent 'python3 agent.py' ...`"
            ) from error
        self._sink = sink
        self._sink.write(_REPLY.serialize())
        self._sink.flush()

    def receive(self) -> Optional[list[Asked]]:
        """Wait for the next vector step; none where the session has ended."""
        try:
            batch = self._reader.read_next_batch()
        except StopIteration:
            return None
        names = ("env", "user_id", "step", "last_item", "reward", "done", "truncated")
        columns = [batch.column(name).to_pylist() for name in names]
        return [Asked(*row) for row in zip(*columns)]

    def send(self, env: Sequence[int], slates: Sequence[Sequence[str]], propensity: Sequence[float]) -> None:
        """Answer a vector step, row by row."""
        self._sink.write(_reply(env, slates, propensity, [0] * len(env)))
        self._sink.flush()

    def close(self) -> None:
        """End the reply stream."""
        self._sink.write(_END_OF_STREAM)
        self._sink.flush()
