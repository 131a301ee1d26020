"""What the log says of each user: the last items with their feedback, and every item consumed."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Optional, Union

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .catalogue import Catalogue
from .errors import SimulatorError

_FEEDBACK_KEY = b"headstart.feedback"
_MANIFEST_KEY = b"headstart.manifest"
_COLUMNS = ["user_id", "item_id", "timestamp", "feedback"]


@dataclass(frozen=True)
class Log:
    """A log, by user code."""

    items: npt.NDArray[np.int64]
    """Users x window: item code + 1, oldest first, filled up with 0 in front."""
    feedback: npt.NDArray[np.float32]
    """Users x window: 1 liked, -1 not, 0 where there is no item."""
    consumed_from: npt.NDArray[np.int64]
    """Users + 1: where each user's items begin in ``consumed``."""
    consumed: npt.NDArray[np.int64]
    """Item codes."""

    def consumed_by(self, users: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """(row, item) of all that ``users[row]`` consumed."""
        begin, end = self.consumed_from[users], self.consumed_from[users + 1]
        lengths = end - begin
        rows = np.repeat(np.arange(len(users)), lengths)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return rows, self.consumed[np.repeat(begin, lengths) + within]


def read_log(
    path: Union[str, os.PathLike[str]],
    catalogue: Catalogue,
    window: int,
    like_threshold: Optional[float] = None,
) -> Log:
    """Read ``log/interactions.parquet``; ``like_threshold`` wins over the one in the file."""
    try:
        table = pq.read_table(path, columns=_COLUMNS)
        # What Headstart says of a log stands in its footer; of a folder's part files, any will do.
        file = path if FilePath(path).is_file() else min(FilePath(path).rglob("*.parquet"))
        metadata = pq.read_metadata(file).metadata
    except (OSError, KeyError, pa.ArrowException) as error:
        raise SimulatorError(f"cannot read the log {os.fspath(path)}: {error}") from error
    threshold = _threshold(metadata or {}, path) if like_threshold is None else like_threshold
    user = catalogue.users.find(table.column("user_id").combine_chunks())
    item = catalogue.items.find(table.column("item_id").combine_chunks())
    time = pc.cast(table.column("timestamp"), pa.int64()).to_numpy()
    liked = pc.cast(table.column("feedback"), pa.float64()).to_numpy() >= threshold
    rows = np.flatnonzero((user >= 0) & (item >= 0))
    # By user and time; rows of one time keep the file's order.
    rows = rows[np.lexsort((time[rows], user[rows]))]
    user, item, liked = user[rows], item[rows], liked[rows]
    counts = np.bincount(user, minlength=len(catalogue.users))
    consumed_from = np.concatenate(([0], np.cumsum(counts)))
    # Counted from the user's last row, which stands at the window's end.
    place = window - (consumed_from[user + 1] - np.arange(len(user)))
    last = place >= 0
    items = np.zeros((len(catalogue.users), window), np.int64)
    feedback = np.zeros((len(catalogue.users), window), np.float32)
    items[user[last], place[last]] = item[last] + 1
    feedback[user[last], place[last]] = np.where(liked[last], 1.0, -1.0)
    return Log(items, feedback, consumed_from, item)


def _threshold(metadata: dict[bytes, bytes], path: Union[str, os.PathLike[str]]) -> float:
    try:
        if json.loads(metadata.get(_MANIFEST_KEY, b"{}")).get("artifact") == "truth":
            raise SimulatorError(
                f"{os.fspath(path)} is held-out truth, which no agent may see\nhint: pass log/interactions.parquet"
            )
        return float(json.loads(metadata[_FEEDBACK_KEY])["like_threshold"])
    except (KeyError, TypeError, ValueError) as error:
        raise SimulatorError(
            f"{os.fspath(path)} does not say from which feedback on an interaction is a like\n"
            "hint: pass like_threshold=..."
        ) from error
