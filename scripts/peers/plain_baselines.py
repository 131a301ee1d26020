#!/usr/bin/env python3
"""The plain recommenders of `pretrain train` beside their reference implementations, on the same log.

    python3 -m venv VENV && VENV/bin/pip install numpy scipy pyarrow safetensors implicit
    VENV/bin/python scripts/peers/plain_baselines.py --log data/log --pretrain target/release/pretrain

EASE is held against numpy's inverse, item-knn against the package implicit's CosineRecommender (of one neighbour more, as it
counts an item among its own), als against its AlternatingLeastSquares, solved exactly (use_cg=False) from the same item
factors: those of a policy of no iterations. Scores are read from the policies' tensors and memories as `Encoder::History`
defines them, for every user and every item that the user has not had. Per method: the largest difference of scores, over the
largest score; the share of users whose best item has the reference's best score, within 1e-4; for als also the difference of
the objectives. Items whose cosines with an item are equal may be counted in another order: of item-knn, --neighbours of the
whole catalogue compares all.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy
import pyarrow.parquet
import scipy.sparse
from safetensors.numpy import load_file


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", type=Path, required=True, metavar="FOLDER", help="interactions.parquet, items.parquet")
    parser.add_argument("--pretrain", default="pretrain", metavar="FILE", help="the binary [%(default)s]")
    parser.add_argument("--methods", nargs="+", default=["ease", "item-knn", "als"], metavar="NAME")
    parser.add_argument("--ridge", type=float, default=500.0, metavar="X", help="ease's [%(default)s]")
    parser.add_argument("--neighbours", type=int, default=100, metavar="K")
    parser.add_argument("--alpha", type=float, default=1.0, metavar="X", help="als's confidence [%(default)s]")
    return parser.parse_args()


class Policy:
    """What a policy folder says of known users."""

    def __init__(self, options, method, *flags):
        with tempfile.TemporaryDirectory() as out:
            command = [options.pretrain, "train", "--method", method, "--log", str(options.log), "--seeds", "1"]
            subprocess.run([*command, *flags, "--out", out], check=True, stderr=subprocess.DEVNULL)
            folder = Path(out) / "seed-0"
            self.weights = load_file(folder / "weights.safetensors")
            # Tensors are flat, row-major.
            self.items = pyarrow.parquet.read_table(folder / "items.parquet")["item_id"].to_pylist()
            self.embedding = self.weights["item_embedding"].reshape(len(self.items), -1).astype(numpy.float64)
            users = pyarrow.parquet.read_table(folder / "users.parquet")
            self.users = users["user_id"].to_pylist()
            self.memory = users["memory"].combine_chunks().flatten().to_numpy().reshape(len(self.users), -1)

    def scores(self):
        """[users, items] in units of the score, without popularity."""
        w = {name: x.astype(numpy.float64) for name, x in self.weights.items()}
        memory = self.memory.astype(numpy.float64)
        likes, dislikes = memory[:, -2:-1], memory[:, -1:]
        divisor = w["constant"] + w["like_count"] * likes + w["dislike_count"] * dislikes
        state = numpy.divide(memory[:, :-2], divisor, out=numpy.zeros_like(memory[:, :-2]), where=divisor > 0)
        scale = numpy.exp(w["log_temperature"][0]) / numpy.sqrt(self.embedding.shape[1])
        query = w["query_weight"].reshape(-1, state.shape[1])
        return state @ query.T @ self.embedding.T + w["item_bias"] / scale


def read(options, policy):
    """Likes and what was had, [users, items] in the policy's order."""
    path = options.log / "interactions.parquet"
    table, threshold = pyarrow.parquet.read_table(path), like_threshold(path)
    user = {x: at for at, x in enumerate(policy.users)}
    item = {x: at for at, x in enumerate(policy.items)}
    rows = numpy.array([user[x] for x in table["user_id"].to_pylist()])
    columns = numpy.array([item[x] for x in table["item_id"].to_pylist()])
    shape = (len(user), len(item))
    had, likes = numpy.zeros(shape, bool), numpy.zeros(shape)
    had[rows, columns] = True
    liked = table["feedback"].to_numpy() >= threshold
    likes[rows[liked], columns[liked]] = 1
    return likes, had


def like_threshold(path):
    metadata = pyarrow.parquet.ParquetFile(path).metadata.metadata
    return json.loads(metadata[b"headstart.feedback"])["like_threshold"]


def compare(name, ours, truth, had):
    open_ = ~had
    largest = numpy.abs(truth[open_]).max()
    worst = numpy.abs(ours - truth)[open_].max() / largest
    ours, truth = numpy.where(open_, ours, -numpy.inf), numpy.where(open_, truth, -numpy.inf)
    # Who has likes: the others have no scores, and get what is popular.
    chosen = numpy.take_along_axis(truth, ours.argmax(1)[:, None], 1)[:, 0]
    same = (chosen >= truth.max(1) - 1e-4 * largest).mean()
    print(f"{name}: largest difference {worst:.2e} of the largest score, {100 * same:.2f} % of users the same best item")


def objective(likes, users, items, ridge, alpha):
    products = users @ items.T
    fit = numpy.where(likes > 0, alpha * (1 - products) ** 2, products**2).sum()
    return fit + ridge * ((users**2).sum() + (items**2).sum())


def main():
    options = arguments()
    if "ease" in options.methods:
        policy = Policy(options, "ease", "--ridge", str(options.ridge))
        likes, had = read(options, policy)
        keep = likes.sum(1) > 0
        inverse = numpy.linalg.inv(likes.T @ likes + options.ridge * numpy.eye(likes.shape[1]))
        b = -inverse / numpy.diag(inverse)
        numpy.fill_diagonal(b, 0)
        compare("ease", policy.scores()[keep], (likes @ b)[keep], had[keep])
    if "item-knn" in options.methods:
        from implicit.nearest_neighbours import CosineRecommender

        policy = Policy(options, "item-knn", "--neighbours", str(options.neighbours))
        likes, had = read(options, policy)
        keep = likes.sum(1) > 0
        exact = len(policy.items) <= 4096
        model = CosineRecommender(K=options.neighbours + 1 if exact else len(policy.items))
        sparse = scipy.sparse.csr_matrix(likes)
        model.fit(sparse, show_progress=False)
        truth = numpy.asarray((sparse @ model.similarity).todense())
        compare("item-knn", policy.scores()[keep], truth[keep], had[keep])
    if "als" in options.methods:
        from implicit.als import AlternatingLeastSquares

        flags = ("--alpha", str(options.alpha))
        start = Policy(options, "als", "--iterations", "0", *flags)
        policy = Policy(options, "als", *flags)
        likes, had = read(options, policy)
        keep = likes.sum(1) > 0
        model = AlternatingLeastSquares(
            64, regularization=0.01, alpha=options.alpha, iterations=15, use_cg=False, use_gpu=False, dtype=numpy.float64
        )
        model.item_factors = start.embedding[:, : model.factors].copy()
        model.user_factors = numpy.zeros((len(policy.users), model.factors))
        model.fit(scipy.sparse.csr_matrix(likes), show_progress=False)
        truth = model.user_factors @ model.item_factors.T
        compare("als", policy.scores()[keep], truth[keep], had[keep])
        users = policy.memory[:, : model.factors].astype(numpy.float64)
        items = policy.embedding[:, : model.factors]
        ours = objective(likes, users, items, 0.01, options.alpha)
        theirs = objective(likes, model.user_factors, model.item_factors, 0.01, options.alpha)
        print(f"als: objective {ours:.4f}, implicit's {theirs:.4f}, relative difference {abs(ours / theirs - 1):.2e}")


if __name__ == "__main__":
    main()
