"""A2C with a GRU over a whole catalogue in PyTorch: the peer of `pretrain bench`'s first table.

Two usual forms are measured. `recompute`: the rollout acts without gradients, then all transitions go through the network
again for the loss. `one pass`: the rollout keeps its graph, and the loss is made of what it computed.

Reads from stdin {"items", "dims", "hidden", "window", "batch", "horizon", "users": [[items], [feedback]], "reward": one
probability of a like an item, "threads", "runs", "updates", "seed"}. Prints one JSON object a run:
{"method", "transitions", "seconds"}.
"""

import json
import sys
import time

import torch

from torch_network import Network

LEARNING_RATE, GAMMA, VALUE, ENTROPY, CLIP = 6e-3, 0.9, 0.5, 0.01, 1.0


class Log:
    """Each user's interactions, padded behind, and the items that are masked for the user."""

    def __init__(self, users, items):
        longest = max(len(sequence) for sequence, _ in users)
        self.items = torch.zeros(len(users), longest, dtype=torch.long)
        self.feedback = torch.zeros(len(users), longest)
        self.lengths = torch.tensor([len(sequence) for sequence, _ in users])
        self.consumed = torch.zeros(len(users), items, dtype=torch.bool)
        for user, (sequence, signs) in enumerate(users):
            self.items[user, : len(sequence)] = torch.tensor(sequence)
            self.feedback[user, : len(sequence)] = torch.tensor(signs)
            self.consumed[user, torch.tensor(sequence)] = True


class Episodes:
    """States of episodes side by side: histories [B, W] that begin at column 0, and what is masked [B, N]."""

    def __init__(self, log, batch, window):
        users = torch.randint(len(log.lengths), (batch,))
        end = 1 + (torch.rand(batch) * log.lengths[users]).long()
        at = (end - window).clamp(min=0).unsqueeze(1) + torch.arange(window)
        here = at < end.unsqueeze(1)
        at = at.clamp(max=log.items.shape[1] - 1)
        rows = users.unsqueeze(1)
        self.items = torch.where(here, log.items[rows, at], 0)
        self.feedback = torch.where(here, log.feedback[rows, at], 0.0)
        self.lengths = end.clamp(max=window)
        self.consumed = log.consumed[users]

    def move(self, actions, liked):
        """Masks the actions; those that were liked enter the histories."""
        self.consumed = self.consumed.scatter(1, actions.unsqueeze(1), True)
        window = self.items.shape[1]
        full = (liked & (self.lengths == window)).unsqueeze(1)
        self.items = torch.where(full, self.items.roll(-1, 1), self.items)
        self.feedback = torch.where(full, self.feedback.roll(-1, 1), self.feedback)
        at = self.lengths.clamp(max=window - 1)
        rows = liked.nonzero().squeeze(1)
        self.items = self.items.index_put((rows, at[rows]), actions[rows])
        self.feedback = self.feedback.index_put((rows, at[rows]), torch.ones(len(rows)))
        self.lengths = (self.lengths + liked).clamp(max=window)

    def states(self):
        return self.items, self.feedback, self.lengths


def returns_of(rewards, values, horizon):
    """One reward, then the critic's value of the next state; [T, B] of rewards [T, B] and values [T + 1, B]."""
    return rewards + GAMMA * (1.0 - 1.0 / horizon) * values[1:]


def loss_of(log_probabilities, actions, values, returns):
    """The A2C loss of transitions: log-probabilities [M, N], the other three [M]."""
    chosen = log_probabilities.gather(1, actions.unsqueeze(1)).squeeze(1)
    # Masked items have the logarithm -infinity and the probability 0.
    finite = log_probabilities.clamp(min=torch.finfo(torch.float32).min)
    entropy = -(finite.exp() * finite).sum(1)
    advantages = returns - values.detach()
    value = 0.5 * (returns - values).square().mean()
    return -(chosen * advantages).mean() + VALUE * value - ENTROPY * entropy.mean()


def multinomial(probabilities):
    return torch.multinomial(probabilities, 1).squeeze(1)


def inverse(probabilities):
    """One uniform number a row in place of multinomial's exponential number an item."""
    below = probabilities.cumsum(1)
    uniform = torch.rand(len(below), 1) * below[:, -1:]
    return torch.searchsorted(below, uniform, right=True).squeeze(1).clamp(max=below.shape[1] - 1)


def act(network, episodes, reward, draw):
    logits = network.logits(states := network.encode(*episodes.states()))
    log_probabilities = logits.masked_fill(episodes.consumed, -torch.inf).log_softmax(1)
    actions = draw(log_probabilities.detach().exp())
    rewards = reward[actions]
    episodes.move(actions, torch.rand(len(rewards)) < rewards)
    return network.values(states), log_probabilities, actions, rewards


def recompute(network, episodes, reward, horizon, draw):
    histories, masks, steps = [], [], []
    with torch.no_grad():
        for _ in range(horizon):
            histories.append(episodes.states())
            masks.append(episodes.consumed)
            steps.append(act(network, episodes, reward, draw))
        values, _, actions, rewards = zip(*steps)
        last = network.values(network.encode(*episodes.states()))
        returns = returns_of(torch.stack(rewards), torch.stack([*values, last]), horizon).flatten()
    states = network.encode(*(torch.cat(part) for part in zip(*histories)))
    log_probabilities = network.logits(states).masked_fill(torch.cat(masks), -torch.inf).log_softmax(1)
    return loss_of(log_probabilities, torch.cat(actions), network.values(states), returns)


def one_pass(network, episodes, reward, horizon, draw):
    steps = [act(network, episodes, reward, draw) for _ in range(horizon)]
    values, log_probabilities, actions, rewards = zip(*steps)
    with torch.no_grad():
        last = network.values(network.encode(*episodes.states()))
        returns = returns_of(torch.stack(rewards), torch.stack([*values, last]), horizon).flatten()
    return loss_of(torch.cat(log_probabilities), torch.cat(actions), torch.cat(values), returns)


METHODS = {
    "rollout, then loss; multinomial": (recompute, multinomial),
    "rollout, then loss; inverse of the distribution": (recompute, inverse),
    "graph of the rollout kept; inverse of the distribution": (one_pass, inverse),
}


def main():
    task = json.load(sys.stdin)
    torch.set_num_threads(task["threads"])
    torch.manual_seed(task["seed"])
    log, reward = Log(task["users"], task["items"]), torch.tensor(task["reward"])
    for name, (method, draw) in METHODS.items():
        network = Network(task["items"], task["dims"], task["hidden"])
        adam = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
        # The first run warms up.
        for run in range(task["runs"] + 1):
            start = time.perf_counter()
            for _ in range(task["updates"]):
                episodes = Episodes(log, task["batch"], task["window"])
                loss = method(network, episodes, reward, task["horizon"], draw)
                adam.zero_grad(set_to_none=True)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
                adam.step()
            seconds = time.perf_counter() - start
            if not torch.isfinite(loss):
                sys.exit(f"{name}: the loss is {loss.item()}")
            if run:
                transitions = task["updates"] * task["batch"] * task["horizon"]
                print(json.dumps({"method": name, "transitions": transitions, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
