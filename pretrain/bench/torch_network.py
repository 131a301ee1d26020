"""The policy network of Headstart in PyTorch: the same tensors, the same arithmetic."""

import math

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
