"""The environment's user model in numpy: what `simulator fit` wrote, read and evaluated as the simulator does."""

from __future__ import annotations

import bisect
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

_KINDS = {"F32": "<f4", "U32": "<u4"}
# Up to this many cells a table answers who consumed what; beyond it, a sorted list of pairs.
_MOST_CELLS = 1 << 28


def read_safetensors(path: Path) -> dict[str, Any]:
    """Read all tensors of a file: eight bytes of header length, a JSON header, the values."""
    data = path.read_bytes()
    begin = 8 + int.from_bytes(data[:8], "little")
    tensors = {}
    for name, entry in json.loads(data[8:begin]).items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            values = np.frombuffer(data, _KINDS[entry["dtype"]], (last - first) // 4, begin + first)
            tensors[name] = values.reshape(entry["shape"])
    return tensors


class UserModel:
    """Who would like what, and what each user has consumed (which gives no reward again)."""

    def __init__(self, environment: str) -> None:
        """Read `user_model.safetensors` of an environment's folder."""
        tensors = read_safetensors(Path(environment) / "user_model.safetensors")
        self.user_vector, self.user_bias = tensors["user_vector"], tensors["user_bias"]
        self.item_vector, self.item_bias = tensors["item_vector"], tensors["item_bias"]
        self.slope = float(tensors["calibration_slope"][0])
        self.knots_x = tensors["calibration_x"].astype(np.float64)
        self.knots_y = tensors["calibration_y"].astype(np.float64)
        self.offsets = tensors["consumed_offset"].astype(np.int64)
        self.consumed = tensors["consumed_item"].astype(np.int64)
        self.users, self.items = len(self.user_bias), len(self.item_bias)

    def probability(self, users: Any, items: Any) -> Any:
        """Return the chance of a like for each pair, whatever was consumed."""
        logit = self.user_bias[users] + self.item_bias[items]
        logit = logit + np.einsum("ij,ij->i", self.user_vector[users], self.item_vector[items])
        inside = np.interp(logit, self.knots_x, self.knots_y)
        outside = np.minimum(logit - self.knots_x[0], 0.0) + np.maximum(logit - self.knots_x[-1], 0.0)
        return 1.0 / (1.0 + np.exp(-(inside + self.slope * outside)))

    def consumed_lookup(self) -> Any:
        """Return a function of arrays (users, items) that tells which pairs are in the log."""
        of_user = np.repeat(np.arange(self.users), np.diff(self.offsets))
        if self.users * self.items <= _MOST_CELLS:
            table = np.zeros((self.users, self.items), bool)
            table[of_user, self.consumed] = True
            return lambda users, items: table[users, items]
        pairs = of_user * self.items + self.consumed

        def look_up(users: Any, items: Any) -> Any:
            wanted = users * self.items + items
            return pairs[np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)] == wanted

        return look_up


class ScalarModel:
    """The same for one pair at a time, from Python numbers and row views: several times faster than arrays of one."""

    def __init__(self, model: UserModel) -> None:
        """Take the rows apart."""
        self._x, self._y = list(model.user_vector), list(model.item_vector)
        self._b, self._c = model.user_bias.tolist(), model.item_bias.tolist()
        self._knots_x, self._knots_y = model.knots_x.tolist(), model.knots_y.tolist()
        self._slope = model.slope
        bounds = model.offsets.tolist()
        consumed = model.consumed.tolist()
        self._consumed = [frozenset(consumed[a:b]) for a, b in zip(bounds, bounds[1:])]
        self.users, self.items = model.users, model.items

    def probability(self, user: int, item: int) -> float:
        """Return the chance of a like: 0 for an item of the user's log."""
        if item in self._consumed[user]:
            return 0.0
        logit = self._b[user] + self._c[item] + float(self._x[user] @ self._y[item])
        xs, ys = self._knots_x, self._knots_y
        above = bisect.bisect_right(xs, logit)
        if above == 0 or above == len(xs):
            at = 0 if above == 0 else -1
            z = ys[at] + self._slope * (logit - xs[at])
        else:
            x0, x1, y0, y1 = xs[above - 1], xs[above], ys[above - 1], ys[above]
            z = y0 + (y1 - y0) * (logit - x0) / (x1 - x0)
        return 1.0 / (1.0 + math.exp(-z))
