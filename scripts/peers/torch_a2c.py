"""A2C with a GRU over a whole catalogue in PyTorch: `beside pretrain`'s first table.

Methods: "multinomial" and "inverse" play episodes without gradients and then put all transitions through the network
again for the loss, the first with torch.multinomial, the second with one uniform number a draw; "one pass" keeps the
graph of the episodes and makes the loss of it.

Reads from stdin {"method", "items", "dims", "hidden", "window", "batch", "horizon", "users": [[items], [feedback]],
"reward": an item's probability of a like, "threads", "runs", "updates", "seed"}.
"""

import torch

from torch_network import Log, Network, measure, read_task

LEARNING_RATE, GAMMA, VALUE, ENTROPY, CLIP = 6e-3, 0.9, 0.5, 0.01, 1.0


class Episodes:
    """Episodes side by side: histories [B, W] that begin at column 0, and what is masked [B, N]. An action is the place of
    an item among `candidates` [N]; without them the item itself."""

    def __init__(self, log, users, consumed, window, candidates=None):
        ends = 1 + (torch.rand(len(users)) * log.lengths[users]).long()
        self.items, self.feedback, self.lengths = log.histories(users, ends, window)
        self.consumed, self.candidates = consumed, candidates

    def move(self, actions, liked):
        """Masks the actions [B]; the items of those that were liked enter the histories."""
        self.consumed = self.consumed.scatter(1, actions.unsqueeze(1), True)
        chosen = actions if self.candidates is None else self.candidates[actions]
        window = self.items.shape[1]
        full = (liked & (self.lengths == window)).unsqueeze(1)
        self.items = torch.where(full, self.items.roll(-1, 1), self.items)
        self.feedback = torch.where(full, self.feedback.roll(-1, 1), self.feedback)
        rows = liked.nonzero().squeeze(1)
        at = self.lengths[rows].clamp(max=window - 1)
        self.items = self.items.index_put((rows, at), chosen[rows])
        self.feedback = self.feedback.index_put((rows, at), torch.ones(len(rows)))
        self.lengths = (self.lengths + liked).clamp(max=window)

    def states(self):
        return self.items, self.feedback, self.lengths


def returns_of(rewards, values, horizon):
    """One reward, then the critic's value of the next state: [T, B] of rewards [T, B] and values [T + 1, B]."""
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
    states = network.encode(*episodes.states())
    log_probabilities = network.logits(states).masked_fill(episodes.consumed, -torch.inf).log_softmax(1)
    actions = draw(log_probabilities.detach().exp())
    rewards = reward[actions]
    episodes.move(actions, torch.rand(len(rewards)) < rewards)
    return network.values(states), log_probabilities, actions, rewards


def again(network, episodes, reward, horizon, draw):
    """Plays, then computes the loss."""
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
    """Plays, and computes the loss of what playing computed."""
    steps = [act(network, episodes, reward, draw) for _ in range(horizon)]
    values, log_probabilities, actions, rewards = zip(*steps)
    with torch.no_grad():
        last = network.values(network.encode(*episodes.states()))
        returns = returns_of(torch.stack(rewards), torch.stack([*values, last]), horizon).flatten()
    return loss_of(torch.cat(log_probabilities), torch.cat(actions), torch.cat(values), returns)


METHODS = {"multinomial": (again, multinomial), "inverse": (again, inverse), "one pass": (one_pass, inverse)}


def main():
    task = read_task()
    play, draw = METHODS[task["method"]]
    log, reward = Log(task["users"]), torch.tensor(task["reward"])
    masks = torch.zeros(len(task["users"]), task["items"], dtype=torch.bool)
    for user, (sequence, _) in enumerate(task["users"]):
        masks[user, torch.tensor(sequence)] = True
    network = Network(task["items"], task["dims"], task["hidden"])
    adam = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)

    def update():
        users = torch.randint(len(log.lengths), (task["batch"],))
        episodes = Episodes(log, users, masks[users], task["window"])
        loss = play(network, episodes, reward, task["horizon"], draw)
        adam.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        adam.step()
        return loss.detach()

    measure(task, task["batch"] * task["horizon"], update)


if __name__ == "__main__":
    main()
