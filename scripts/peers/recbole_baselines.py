#!/usr/bin/env python3
"""RecBole's GRU4Rec and SASRec on a log of Headstart's: what a pre-trained policy has to reach.

    python3 -m venv VENV && VENV/bin/pip install -r scripts/peers/requirements-recbole.txt
    VENV/bin/python scripts/peers/recbole_baselines.py --log data/log --split split --out baselines.json
    pretrain train --method bc --log split/log --traits none --out policies

Leave one out, by time: of each user with three interactions or more the last is the test, the one before the
validation, the rest is learnt; users with fewer are learnt whole. Every interaction counts, liked or not, as in
RecBole's sequential task; each prefix of a user's sequence is an example, as RecBole makes them. Every item of the
log is ranked, none sampled.

Models and training are RecBole's with its defaults: cross-entropy over all items, lists of the last 50 items, Adam
with step size 0.001, 2,048 examples a batch, stopped when MRR@10 on the validation has not risen for 10 epochs.
`--minutes` stops a training earlier; the output says which were. Test examples see the validation item as history.

--split gets the same rows in Headstart's own formats: log/interactions.parquet is all but each user's last
interaction, log/items.parquet the catalogue, held-out.parquet the last interactions.

--out gets one JSON object: per model Recall and NDCG at 5, 10 and 20 (mean and 95 % interval over users) and the rank
of each user's held-out item, for paired comparisons. `unmasked` ranks all items, RecBole's way; in `masked` items
that the user had before stand last, but the held-out one keeps its rank where it is one of them, so that repeated
purchases are not lost.
"""

import argparse
import json
import math
import os
import sys
import tempfile
import time
import types
from pathlib import Path

import numpy
import pandas
import pyarrow
import pyarrow.compute
import pyarrow.parquet
import torch

CUTS = (5, 10, 20)
MANIFEST = b"headstart.manifest"
LONGEST = 50


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--log", type=Path, required=True, metavar="FOLDER", help="interactions.parquet, items.parquet")
    parser.add_argument("--split", type=Path, metavar="FOLDER", help="gets the split in Headstart's formats")
    parser.add_argument("--out", type=Path, metavar="FILE", help="gets the results as JSON; without it nothing is trained")
    parser.add_argument("--models", nargs="+", default=["GRU4Rec", "SASRec"], metavar="NAME")
    parser.add_argument("--epochs", type=int, default=300, metavar="N", help="at most [%(default)s]")
    parser.add_argument("--minutes", type=float, default=math.inf, metavar="X", help="of each training, at most")
    parser.add_argument("--threads", type=int, default=1, metavar="N")
    parser.add_argument("--seed", type=int, default=2020, metavar="N")
    return parser.parse_args()


def sequences(log):
    """Row numbers of each user, oldest first; rows of one time in the file's order, as Headstart reads them."""
    users = pyarrow.compute.dictionary_encode(log["user_id"]).combine_chunks().indices.to_numpy()
    times = log["timestamp"].cast(pyarrow.int64()).to_numpy()
    order = numpy.lexsort((times, users))
    ends = numpy.flatnonzero(numpy.diff(users[order])) + 1
    return numpy.split(order, ends)


def write_split(folder, log, items, by_user):
    held_out = [rows[-1] for rows in by_user if len(rows) >= 3]
    keep = numpy.ones(len(log), dtype=bool)
    keep[held_out] = False
    # What remains is nobody's artifact: the manifest speaks of the whole log.
    metadata = {key: value for key, value in log.schema.metadata.items() if key != MANIFEST}
    log = log.replace_schema_metadata(metadata)
    (folder / "log").mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(log.filter(pyarrow.array(keep)), folder / "log" / "interactions.parquet")
    pyarrow.parquet.write_table(log.take(sorted(held_out)), folder / "held-out.parquet")
    plain = {key: value for key, value in (items.schema.metadata or {}).items() if key != MANIFEST}
    pyarrow.parquet.write_table(items.replace_schema_metadata(plain), folder / "log" / "items.parquet")


def read(path):
    """A table with the footer's own entries as its metadata, where Headstart keeps what feedback means."""
    file = pyarrow.parquet.ParquetFile(path)
    metadata = {k: v for k, v in (file.metadata.metadata or {}).items() if k != b"ARROW:schema"}
    return file.read().replace_schema_metadata(metadata)


def write_atomic_files(folder, name, log, by_user):
    """RecBole's files of ready examples: train, valid, test."""
    items = pyarrow.compute.dictionary_encode(log["item_id"]).combine_chunks().indices.to_numpy()
    parts = {"train": [], "valid": [], "test": []}
    for user, rows in enumerate(by_user):
        sequence = items[rows]
        for at in range(1, len(sequence)):
            left = len(sequence) - at if len(sequence) >= 3 else math.inf
            part = {1: "test", 2: "valid"}.get(left, "train")
            history = " ".join(f"i{item}" for item in sequence[max(0, at - LONGEST) : at])
            parts[part].append(f"u{user}\t{history}\ti{sequence[at]}\n")
    (folder / name).mkdir()
    for part, lines in parts.items():
        header = "user_id:token\titem_id_list:token_seq\titem_id:token\n"
        (folder / name / f"{name}.{part}.inter").write_text(header + "".join(lines))


def make_recbole_importable():
    """RecBole 1.2.1 wants ray, which it needs for tuning only, and what numpy 2, torch 2.6 and pandas 3 took away."""
    ray = types.ModuleType("ray")
    ray.tune = types.ModuleType("ray.tune")
    sys.modules.update({"ray": ray, "ray.tune": ray.tune})
    numpy.float_, numpy.complex_, numpy.unicode_ = numpy.float64, numpy.complex128, numpy.str_
    load = torch.load
    torch.load = lambda *args, **kwargs: load(*args, **{**kwargs, "weights_only": False})
    # Older pandas tried `len` on each element before it tried it on the series, and RecBole means the elements.
    agg = pandas.Series.agg
    pandas.Series.agg = lambda self, func=None, *args, **kwargs: (
        self.map(len) if func is len else agg(self, func, *args, **kwargs)
    )


def crop(model):
    """Makes the model skip padding: examples of like length together, cut to the longest of them. Histories are padded
    behind, so that nothing but the time changes."""
    forward = model.forward

    def cropped(items, lengths):
        order = lengths.argsort()
        parts = [forward(items[rows, : int(lengths[rows].max())], lengths[rows]) for rows in order.split(128)]
        return torch.cat(parts)[order.argsort()]

    model.forward = cropped


class OutOfTime(Exception):
    pass


def train(name, folder, dataset_name, options):
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer, init_seed

    settings = {
        "data_path": str(folder),
        "checkpoint_dir": str(folder / "saved"),
        "benchmark_filename": ["train", "valid", "test"],
        "load_col": {"inter": ["user_id", "item_id_list", "item_id"]},
        "alias_of_item_id": ["item_id_list"],
        "MAX_ITEM_LIST_LENGTH": LONGEST,
        "train_neg_sample_args": None,
        "eval_args": {"split": {"LS": "valid_and_test"}, "group_by": "user", "order": "TO", "mode": "full"},
        "metrics": ["Recall", "MRR", "NDCG"],
        "topk": list(CUTS),
        "metric_decimal_place": 6,
        "epochs": options.epochs,
        "seed": options.seed,
        "use_gpu": False,
        "show_progress": False,
    }
    # RecBole reads the command line too.
    sys.argv = sys.argv[:1]
    config = Config(model=name, dataset=dataset_name, config_dict=settings)
    init_seed(config["seed"], config["reproducibility"])
    torch.set_num_threads(options.threads)
    dataset = create_dataset(config)
    learn, valid, test = data_preparation(config, dataset)
    model = get_model(name)(config, learn.dataset)
    crop(model)
    # Importing RecBole's models turns the search for NaN behind each operation on, which is a third of the time.
    torch.autograd.set_detect_anomaly(False)
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    begun, history = time.monotonic(), []

    def after_epoch(epoch, score):
        history.append(score)
        print(f"{name}: epoch {epoch}, {time.monotonic() - begun:.0f} s, MRR@10 {score:.4f}", file=sys.stderr, flush=True)
        if time.monotonic() - begun > 60 * options.minutes:
            raise OutOfTime

    ended = "early stopping"
    try:
        trainer.fit(learn, valid, saved=True, show_progress=False, callback_fn=after_epoch)
        ended = "all epochs" if len(history) == options.epochs else ended
    except OutOfTime:
        ended = "out of time"
    reported = trainer.evaluate(test, load_best_model=True, show_progress=False)
    outcome = {
        "epochs": len(history),
        "ended": ended,
        "best_epoch": int(numpy.argmax(history)),
        "valid_mrr_10": max(history),
        "minutes": (time.monotonic() - begun) / 60,
        "parameters": sum(p.numel() for p in model.parameters()),
        "items_ranked": dataset.item_num - 1,
    }
    outcome.update(measure(model.eval(), test.dataset, dataset))
    for metric, value in reported.items():
        ours = outcome["unmasked"].get(metric, {"mean": value})["mean"]
        if abs(ours - value) > 2e-3:
            sys.exit(f"{name}: {metric} is {ours} by the ranks and {value} by RecBole")
    return outcome


@torch.no_grad()
def measure(model, test, dataset):
    """The rank (0 is the first) of each user's held-out item."""
    ranks = {"unmasked": [], "masked": []}
    users = []
    interaction = test.inter_feat
    for at in range(0, len(interaction), 256):
        batch = interaction[at : at + 256]
        scores = model.full_sort_predict(batch).view(len(batch), -1)
        # Item 0 is the padding.
        scores[:, 0] = -torch.inf
        wanted = batch["item_id"].unsqueeze(1)
        of_wanted = scores.gather(1, wanted)
        ranks["unmasked"] += rank(scores, of_wanted, wanted)
        ranks["masked"] += rank(scores.scatter(1, batch["item_id_list"], -torch.inf), of_wanted, wanted)
        users += [dataset.id2token("user_id", int(user)) for user in batch["user_id"]]
    result = {}
    for kind, of_users in ranks.items():
        of_users = numpy.array(of_users)
        result[kind] = {"ranks": {}}
        for k in CUTS:
            hit = of_users < k
            result[kind][f"recall@{k}"] = interval(hit.astype(float))
            result[kind][f"ndcg@{k}"] = interval(numpy.where(hit, 1.0 / numpy.log2(of_users + 2.0), 0.0))
        result[kind]["ranks"] = dict(zip(users, of_users.tolist()))
    return result


def rank(scores, of_wanted, wanted):
    """How many items stand before the wanted one; among equals the lower number does."""
    lower = torch.arange(scores.shape[1]) < wanted
    before = (scores > of_wanted) | ((scores == of_wanted) & lower)
    return before.sum(1).tolist()


def interval(values):
    mean, error = values.mean(), values.std(ddof=1) / math.sqrt(len(values))
    return {"mean": mean, "low": mean - 1.96 * error, "high": mean + 1.96 * error}


def main():
    options = arguments()
    log = read(options.log / "interactions.parquet")
    by_user = sequences(log)
    if options.split:
        write_split(options.split, log, read(options.log / "items.parquet"), by_user)
    if not options.out:
        return
    out = options.out.absolute()
    make_recbole_importable()
    ids = log["user_id"].to_pylist()
    results = {"log": len(log), "users": len(by_user), "test_users": sum(len(rows) >= 3 for rows in by_user), "models": {}}
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        write_atomic_files(scratch, "log", log, by_user)
        # RecBole writes its own log files into the working folder.
        os.chdir(scratch)
        for name in options.models:
            found = train(name, scratch, "log", options)
            for kind in ("unmasked", "masked"):
                ranks = found[kind]["ranks"]
                found[kind]["ranks"] = {str(ids[by_user[int(user[1:])][0]]): rank for user, rank in ranks.items()}
                line = ", ".join(f"{metric} {v['mean']:.4f}" for metric, v in found[kind].items() if metric != "ranks")
                print(f"{name}, {kind}: {line}")
            results["models"][name] = found
            out.write_text(json.dumps(results))


if __name__ == "__main__":
    main()
