"""Behaviour cloning and A2C over a catalogue of a million items in PyTorch, with sampled softmax: `beside
pretrain`'s tables of large catalogues.

Candidates are drawn with replacement from q(i) in proportion to (likes + 1)^0.75 and shared by an update; their logits
have the correction -ln(draws q(i)). Methods: "bc dense" and "a2c dense" with gradients of whole tables and Adam, the
usual way; "bc sparse" and "a2c sparse" with nn.Embedding(sparse=True) and SparseAdam for the tables.

Reads from stdin {"method", "items", "dims", "hidden", "window", "batch", "horizon", "negatives", "users": [[items],
[feedback]], "reward": an item's probability of a like, "likes": those of an item, "threads", "runs", "updates", "seed"}.
"""

import torch
from torch import nn

from torch_a2c import CLIP, Episodes, again, inverse
from torch_network import Log, Network, measure, read_task

LEARNING_RATE, GAMMA = 5e-3, 0.9


class Proposal:
    """Draws an update's candidates."""

    def __init__(self, likes, draws):
        weights = (likes.double() + 1.0) ** 0.75
        self.below = weights.cumsum(0)
        self.expected = (draws * weights / weights.sum()).float()
        self.draws = draws

    def draw(self):
        """Items [C], each once, and what is added to their logits: ln(times drawn / times expected)."""
        uniform = torch.rand(self.draws, dtype=torch.double) * self.below[-1]
        drawn = torch.searchsorted(self.below, uniform, right=True).clamp(max=len(self.below) - 1)
        items, times = drawn.unique(return_counts=True)
        return items, (times / self.expected[items]).log()


class Candidates:
    """The network with an update's candidates in the place of the catalogue."""

    def __init__(self, network, items, correction):
        self.network, self.items, self.correction = network, items, correction
        self.encode, self.values = network.encode, network.values

    def logits(self, states):
        return self.network.logits_of(states, self.items) + self.correction


def among(candidates, items):
    """Which of the candidates [C] are among the items [B, L] of each row: [B, C]."""
    return (items.unsqueeze(2) == candidates).any(1)


class Cloning:
    """Cross-entropy of the next item among the candidates that were not consumed before, and the critic's error to the
    log's own discounted returns."""

    def __init__(self, log, task):
        self.log, self.task = log, task
        self.returns = torch.zeros_like(log.feedback)
        after = torch.zeros(len(log.lengths))
        for at in reversed(range(log.items.shape[1])):
            here = at < log.lengths
            after = torch.where(here, log.feedback[:, at].clamp(min=0.0) + GAMMA * after, 0.0)
            self.returns[:, at] = after
        self.places = (torch.arange(log.items.shape[1]) < log.lengths.unsqueeze(1)).nonzero()

    def transitions(self):
        return self.task["batch"]

    def loss(self, network, proposal):
        users, at = self.places[torch.randint(len(self.places), (self.task["batch"],))].unbind(1)
        candidates, correction = proposal.draw()
        states = network.encode(*self.log.histories(users, at, self.task["window"]))
        wanted = self.log.items[users, at]
        queries = network.queries(states)
        of_wanted = (queries * network.embedding(wanted)).sum(1, keepdim=True) + network.bias(wanted)
        before = torch.arange(self.log.items.shape[1]) <= at.unsqueeze(1)
        masked = among(candidates, torch.where(before, self.log.items[users], -1))
        others = Candidates(network, candidates, correction).logits(states).masked_fill(masked, -torch.inf)
        first = torch.zeros(len(users), dtype=torch.long)
        imitation = nn.functional.cross_entropy(torch.cat([of_wanted, others], 1), first)
        error = self.returns[users, at] - network.values(states.detach())
        return imitation + 0.5 * error.square().mean()


class ActorCritic:
    """A2C against a table of rewards, over the candidates."""

    def __init__(self, log, task):
        self.log, self.task = log, task
        self.reward = torch.tensor(task["reward"])
        here = torch.arange(log.items.shape[1]) < log.lengths.unsqueeze(1)
        self.consumed = torch.where(here, log.items, -1)

    def transitions(self):
        return self.task["batch"] * self.task["horizon"]

    def loss(self, network, proposal):
        users = torch.randint(len(self.log.lengths), (self.task["batch"],))
        candidates, correction = proposal.draw()
        masked = among(candidates, self.consumed[users])
        episodes = Episodes(self.log, users, masked, self.task["window"], candidates)
        acting = Candidates(network, candidates, correction)
        return again(acting, episodes, self.reward[candidates], self.task["horizon"], inverse)


def clip(network):
    """clip_grad_norm_ does not take sparse gradients."""
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    gradients = [(g.coalesce() if g.is_sparse else g) for g in gradients]
    norm = torch.stack([(g.values() if g.is_sparse else g).norm() for g in gradients]).norm()
    if norm > CLIP:
        for gradient in gradients:
            gradient.mul_(CLIP / norm)
    for parameter, gradient in zip((p for p in network.parameters() if p.grad is not None), gradients):
        parameter.grad = gradient


METHODS = {"bc": Cloning, "a2c": ActorCritic}


def main():
    task = read_task()
    name, tables = task["method"].split()
    sparse = tables == "sparse"
    method = METHODS[name](Log(task["users"]), task)
    network = Network(task["items"], task["dims"], task["hidden"], sparse)
    of_items = [network.embedding.weight, network.bias.weight]
    rest = [p for p in network.parameters() if all(p is not table for table in of_items)]
    optimizers = (
        [torch.optim.SparseAdam(of_items, lr=LEARNING_RATE), torch.optim.Adam(rest, lr=LEARNING_RATE)]
        if sparse
        else [torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)]
    )
    proposal = Proposal(torch.tensor(task["likes"]), task["negatives"])

    def update():
        loss = method.loss(network, proposal)
        network.zero_grad(set_to_none=True)
        loss.backward()
        if sparse:
            clip(network)
        else:
            nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        for optimizer in optimizers:
            optimizer.step()
        return loss.detach()

    measure(task, method.transitions(), update)


if __name__ == "__main__":
    main()
