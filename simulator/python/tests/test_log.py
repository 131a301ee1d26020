"""Ids and the log: what observations begin with, against a plain reading of the file."""

from __future__ import annotations

import unittest

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from support import DATA, ENVIRONMENT, LOG, TemporaryFolder, vector_env

from headstart_simulator import SimulatorError
from headstart_simulator.catalogue import Ids
from headstart_simulator.state import WINDOW


class OfTheLog(TemporaryFolder):
    def test_histories_begin_with_the_log(self) -> None:
        rows = sorted(pq.read_table(LOG).to_pylist(), key=lambda row: row["timestamp"])
        with vector_env(30, log=LOG, action_mask=True, horizon=2) as env:
            items, users = env.item_ids.to_pylist(), env.user_ids.to_pylist()
            for _ in range(3):
                observation, info = env.reset()
                for i, user in enumerate(observation["user"]):
                    own = [row for row in rows if str(row["user_id"]) == users[user]]
                    self.assertGreater(len(own), WINDOW)
                    shown = [items[code - 1] for code in observation["items"][i]]
                    self.assertEqual(shown, [str(row["item_id"]) for row in own[-WINDOW:]])
                    liked = [1 if row["feedback"] >= 4 else -1 for row in own[-WINDOW:]]
                    self.assertEqual(observation["feedback"][i].tolist(), liked)
                    masked = {items[code] for code in np.flatnonzero(info["action_mask"][i] == 0)}
                    self.assertEqual(masked, {str(row["item_id"]) for row in own})

    def test_the_truth_is_refused(self) -> None:
        with self.assertRaisesRegex(SimulatorError, "held-out truth"):
            vector_env(1, log=DATA / "data" / "truth" / "interactions.parquet")

    def test_a_foreign_log_needs_a_threshold_and_short_histories_stand_at_the_end(self) -> None:
        item = pq.read_table(ENVIRONMENT / "items.parquet").column("item_id")
        user = pq.read_table(ENVIRONMENT / "users.parquet").column("user_id")
        table = pa.table(
            {
                "user_id": [str(user[0]), str(user[0]), "nobody"],
                "item_id": [str(item[3]), str(item[2]), str(item[1])],
                "timestamp": [2, 1, 0],
                "feedback": [3.0, 1.0, 3.0],
            }
        )
        log = self.folder / "log.parquet"
        pq.write_table(table, log)
        with self.assertRaisesRegex(SimulatorError, "like_threshold"):
            vector_env(1, log=log)
        with vector_env(200, log=log, like_threshold=2.0) as env:
            observation, _ = env.reset(seed=0)
            of_user = observation["user"] == 0
            self.assertTrue(of_user.any())
            np.testing.assert_array_equal(observation["items"][of_user, -3:], np.tile([0, 3, 4], (of_user.sum(), 1)))
            np.testing.assert_array_equal(
                observation["feedback"][of_user, -3:], np.tile([0, -1, 1], (of_user.sum(), 1))
            )
            self.assertFalse(observation["items"][~of_user].any())


class OfIds(unittest.TestCase):
    def test_codes_are_rows_whatever_the_bytes(self) -> None:
        values = ["b", "a", "", "aa", "Schäfer", "日本", "10", "9"]
        ids = Ids(pa.array(values), "item")
        self.assertEqual(ids.codes(pa.array(values[::-1])).tolist(), list(range(8))[::-1])
        self.assertEqual(ids.find(pa.array(["ab", "Schäfer!", "a much longer one", "日"])).tolist(), [-1] * 4)
        self.assertEqual(Ids(pa.array([7, 5]), "user").find(pa.array(["5", "7", "57"])).tolist(), [1, 0, -1])
        with self.assertRaisesRegex(SimulatorError, "item 'x'"):
            ids.codes(pa.array(["a", "x"]))


if __name__ == "__main__":
    unittest.main()
