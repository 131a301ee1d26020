"""What `beside pretrain`'s peers in PyTorch share: Headstart's policy network in PyTorch, with the same tensors and the same
arithmetic; a log's users; and how updates are timed.
"""

import json
import math
import resource
import sys
import time

import torch
from torch import nn


class Network(nn.Module):
    """A GRU over the last interactions, an actor that scores items by the embeddings that the GRU reads, a critic.

    N items, D dims, H hidden units; no traits of users.
    """

    def __init__(self, items, dims, hidden, sparse=False):
        super().__init__()
        self.embedding = nn.Embedding(items, dims, sparse=sparse)
        self.bias = nn.Embedding(items, 1, sparse=sparse)
        self.start = nn.Parameter(torch.zeros(hidden))
        self.gru = nn.GRU(dims + 1, hidden, batch_first=True)
        self.query = nn.Linear(hidden, dims)
        self.log_temperature = nn.Parameter(torch.zeros(1))
        self.critic = nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1))
        self.scale = 1.0 / math.sqrt(dims)
        with torch.no_grad():
            self.embedding.weight.uniform_(-math.sqrt(3.0 / dims), math.sqrt(3.0 / dims))
            self.bias.weight.zero_()

    def encode(self, items, feedback, lengths):
        """States [B, H] of histories [B, W] that begin at column 0, oldest first, with their lengths [B]."""
        inputs = torch.cat([self.embedding(items), feedback.unsqueeze(2)], 2)
        start = torch.tanh(self.start).expand(1, len(items), -1)
        outputs, _ = self.gru(inputs, start.contiguous())
        last = (lengths - 1).clamp(min=0).view(-1, 1, 1).expand(-1, 1, outputs.shape[2])
        states = outputs.gather(1, last).squeeze(1)
        return torch.where((lengths > 0).unsqueeze(1), states, start[0])

    def queries(self, states):
        """[B, D], scaled so that a product with an embedding is a logit without its bias."""
        return self.query(states) * (self.log_temperature.exp() * self.scale)

    def logits(self, states):
        """[B, N], consumed items not yet masked."""
        return torch.addmm(self.bias.weight.squeeze(1), self.queries(states), self.embedding.weight.t())

    def logits_of(self, states, candidates):
        """[B, C] of the same candidates [C] for every state."""
        bias = self.bias(candidates).squeeze(1)
        return torch.addmm(bias, self.queries(states), self.embedding(candidates).t())

    def values(self, states):
        """[B]."""
        return self.critic(states).squeeze(1)


class Log:
    """Each user's interactions, oldest first, padded behind."""

    def __init__(self, users):
        longest = max(len(sequence) for sequence, _ in users)
        self.items = torch.zeros(len(users), longest, dtype=torch.long)
        self.feedback = torch.zeros(len(users), longest)
        self.lengths = torch.tensor([len(sequence) for sequence, _ in users])
        for user, (sequence, signs) in enumerate(users):
            self.items[user, : len(sequence)] = torch.tensor(sequence)
            self.feedback[user, : len(sequence)] = torch.tensor(signs)

    def histories(self, users, ends, window):
        """The last `window` interactions before the places `ends` [B]: items [B, W], feedback [B, W], lengths [B]."""
        at = (ends - window).clamp(min=0).unsqueeze(1) + torch.arange(window)
        here = at < ends.unsqueeze(1)
        at = at.clamp(max=self.items.shape[1] - 1)
        rows = users.unsqueeze(1)
        items = torch.where(here, self.items[rows, at], 0)
        feedback = torch.where(here, self.feedback[rows, at], 0.0)
        return items, feedback, ends.clamp(max=window)


def read_task():
    task = json.load(sys.stdin)
    torch.set_num_threads(task["threads"])
    torch.manual_seed(task["seed"])
    return task


def measure(task, transitions, update):
    """Times `updates` calls of `update`, which gives a loss, as often as the task says, after once to warm up. Prints a
    line for each, and the most memory that this process held."""
    for run in range(task["runs"] + 1):
        start = time.perf_counter()
        for _ in range(task["updates"]):
            loss = update()
        seconds = time.perf_counter() - start
        if not torch.isfinite(loss):
            sys.exit(f"{task['method']}: the loss is {loss.item()}")
        if run:
            print(json.dumps({"transitions": task["updates"] * transitions, "seconds": seconds}), flush=True)
    print(json.dumps({"peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
