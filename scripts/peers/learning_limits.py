#!/usr/bin/env python3
"""How much could be learnt online in a simulated environment, whoever learns? Bounds from the environment's own numbers.

    python3 learning_limits.py DATA ENVIRONMENT      # numpy, pyarrow; folders of `simulator import` and `simulator fit`

Expected likes in each user's ten best items, by
1. EASE (ridge 500) on the log, on the log with the held-out part that the environment was fitted on, and on the log with an answer to
   every pair of a user and an item not consumed, drawn from the environment: more answers than any service gets;
2. a learner who is told the environment's item vectors and biases, and how users are spread, and has only to find each user's
   vector: from the log alone (likes against all other items), and with 106, 400 and 2,000 answers besides, each from the ten items
   it thought best just then (300 users).
"""
import json
import pathlib
import struct
import sys

import numpy as np
import pyarrow.parquet as pq

data, environment = map(pathlib.Path, sys.argv[1:3])
raw = (environment / "user_model.safetensors").read_bytes()
length = struct.unpack("<Q", raw[:8])[0]
kinds = {"F32": np.float32, "U32": np.uint32, "U64": np.uint64}
model = {}
for name, entry in json.loads(raw[8 : 8 + length]).items():
    if name != "__metadata__":
        start, end = entry["data_offsets"]
        part = raw[8 + length + start : 8 + length + end]
        model[name] = np.frombuffer(part, kinds[entry["dtype"]]).reshape(entry["shape"]).astype(np.float64)
codes = [
    {str(key): code for code, key in enumerate(pq.read_table(environment / f"{what}s.parquet")[f"{what}_id"].to_pylist())}
    for what in ("user", "item")
]
users, items = map(len, codes)
rng = np.random.default_rng(0)


def calibrated(z):
    x, y, slope = model["calibration_x"], model["calibration_y"], model["calibration_slope"][0]
    inside = np.interp(z, x, y)
    return np.where(z < x[0], y[0] + slope * (z - x[0]), np.where(z > x[-1], y[-1] + slope * (z - x[-1]), inside))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


scores = model["user_vector"] @ model["item_vector"].T + model["user_bias"][:, None] + model["item_bias"]
consumed = np.zeros((users, items), bool)
starts = model["consumed_offset"].astype(int)
for user in range(users):
    consumed[user, model["consumed_item"][starts[user] : starts[user + 1]].astype(int)] = True
likes_of = np.where(consumed, 0, sigmoid(calibrated(scores)))


def likes(path):
    file = pq.ParquetFile(path)
    table, said = file.read(), json.loads(file.metadata.metadata[b"headstart.feedback"])
    liked = np.asarray(table["feedback"].to_pylist(), float) >= said["like_threshold"]
    rows = [[code[str(key)] for key in table[name].to_pylist()] for code, name in zip(codes, ("user_id", "item_id"))]
    found = np.zeros((users, items))
    found[np.array(rows[0])[liked], np.array(rows[1])[liked]] = 1
    return found


def best(score, user=None):
    open_items = np.where(consumed if user is None else consumed[user], -np.inf, score)
    return np.argpartition(-open_items, 10, axis=-1)[..., :10]


def value(score):
    return np.take_along_axis(likes_of, best(score), 1).sum(1).mean()


def ease(known):
    inverse = np.linalg.inv(known.T @ known + 500 * np.eye(items))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return known @ weights


log, held = likes(data / "log/interactions.parquet"), likes(data / "truth/interactions.parquet")
answered = (rng.random(likes_of.shape) < likes_of).astype(float)
print(f"oracle {np.take_along_axis(likes_of, best(likes_of), 1).sum(1).mean():.3f}")
print(f"EASE on the log ({log.sum():.0f} likes) {value(ease(log)):.3f}")
print(f"EASE on the log and the held-out part ({held.sum():.0f} likes) {value(ease(np.maximum(log, held))):.3f}")
print(f"EASE on the log and an answer to every open pair ({answered.sum():.0f} likes) {value(ease(log + answered)):.3f}")

# The learner who is told everything but users' vectors; a user's bias is one more coordinate.
features = np.c_[model["item_vector"], np.ones(items)]
told = np.c_[model["user_vector"], model["user_bias"]]
centre, precision = told.mean(0), np.linalg.inv(np.cov(told.T) + 1e-6 * np.eye(told.shape[1]))


def posterior(user, shown, liked):
    w = centre.copy()
    for _ in range(15):
        p = sigmoid(features @ w + model["item_bias"])
        slope = features.T @ (log[user] - p) - precision @ (w - centre)
        curve = (features * (p * (1 - p))[:, None]).T @ features + precision
        if len(shown):
            z, step = features[shown] @ w + model["item_bias"][shown], 1e-4
            rate, p = (calibrated(z + step) - calibrated(z - step)) / (2 * step), sigmoid(calibrated(z))
            slope += features[shown].T @ ((liked - p) * rate)
            curve += (features[shown] * (p * (1 - p) * rate**2)[:, None]).T @ features[shown]
        move = np.linalg.solve(curve, slope)
        w += move * min(1, 2 / np.linalg.norm(move))
    return w


some = rng.choice(users, min(users, 300), replace=False)
print(f"oracle, these {len(some)} users {np.mean([likes_of[u, best(likes_of[u], u)].sum() for u in some]):.3f}")
for answers in (0, 106, 400, 2000):
    found = []
    for user in some:
        shown, liked = np.zeros(0, int), np.zeros(0)
        w = posterior(user, shown, liked)
        rounds = min(10, answers // 10)
        for number in range(rounds):
            top = best(features @ w + model["item_bias"], user)
            share = answers * (number + 1) // rounds - answers * number // rounds
            now = rng.choice(top, share)
            shown, liked = np.r_[shown, now], np.r_[liked, rng.random(share) < likes_of[user, now]]
            w = posterior(user, shown, liked)
        found.append(likes_of[user, best(features @ w + model["item_bias"], user)].sum())
    print(f"items known, the user from the log and {answers} answers {np.mean(found):.3f}")
