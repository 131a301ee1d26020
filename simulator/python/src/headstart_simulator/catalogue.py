"""Ids and their codes: which item an action means, which user an observation is about."""

from __future__ import annotations

import os
from pathlib import Path as FilePath
from typing import Union

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .errors import SimulatorError


class Ids:
    """The ids of one file in its order: code i is that of row i. Look-ups are by binary search, many at once."""

    def __init__(self, ids: pa.Array, name: str) -> None:
        """Take ``ids``, text or integers; ``name`` is what they are called in errors."""
        self.name = name
        self.ids: pa.StringArray = _text(ids)
        # Fixed-width rows, so that numpy sorts and searches them without a Python object an id.
        self._width = max(1, pc.max(pc.binary_length(self.ids)).as_py() or 0)
        rows = self._fixed_width(self.ids)
        self._order = np.argsort(rows, kind="stable")
        self._sorted = rows[self._order]

    def __len__(self) -> int:
        """How many ids there are."""
        return len(self.ids)

    def _fixed_width(self, ids: pa.Array) -> npt.NDArray[np.bytes_]:
        # (Padding of ascii_rpad counts bytes, which is what is wanted for UTF-8 too.)
        padded = pc.ascii_rpad(ids, self._width, "\0")
        _, _, data = padded.buffers()
        return np.frombuffer(data, f"S{self._width}", count=len(ids)) if data else np.empty(0, f"S{self._width}")

    def find(self, ids: pa.Array) -> npt.NDArray[np.int64]:
        """Codes of ``ids``; -1 where one is unknown."""
        ids = _text(ids)
        if len(ids) == 0 or len(self) == 0:
            return np.full(len(ids), -1, np.int64)
        too_long = pc.greater(pc.binary_length(ids), self._width)
        wanted = self._fixed_width(pc.if_else(too_long, "", ids))
        at = np.minimum(np.searchsorted(self._sorted, wanted), len(self) - 1)
        known = (self._sorted[at] == wanted) & ~too_long.to_numpy(zero_copy_only=False)
        return np.where(known, self._order[at], -1).astype(np.int64)

    def codes(self, ids: pa.Array) -> npt.NDArray[np.int64]:
        """Codes of ``ids``, all of which must be known."""
        codes = self.find(ids)
        if (codes < 0).any():
            unknown = ids[int(np.argmax(codes < 0))].as_py()
            raise SimulatorError(
                f"the simulator named {self.name} {unknown!r}, which the environment's folder does not have\n"
                "hint: `environment` must be the folder that the simulator plays"
            )
        return codes


class Catalogue:
    """The users and items of an environment's folder."""

    def __init__(self, environment: Union[str, os.PathLike[str]]) -> None:
        """Read ``items.parquet`` and ``users.parquet`` of the folder that ``simulator fit`` wrote."""
        folder = FilePath(environment)
        self.items = Ids(_column(folder / "items.parquet", "item_id"), "item")
        self.users = Ids(_column(folder / "users.parquet", "user_id"), "user")


def _column(file: FilePath, name: str) -> pa.Array:
    try:
        return pq.read_table(file, columns=[name]).column(name).combine_chunks()
    except (OSError, KeyError, pa.ArrowException) as error:
        raise SimulatorError(
            f"cannot read the column {name} of {file}: {error}\n"
            "hint: `environment` must be a folder that `simulator fit` wrote"
        ) from error


def _text(ids: pa.Array) -> pa.StringArray:
    return pc.cast(ids, pa.utf8()).combine_chunks() if isinstance(ids, pa.ChunkedArray) else pc.cast(ids, pa.utf8())
