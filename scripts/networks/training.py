"""Brief, seeded training: enough that activations and margins are those of a real network."""

from __future__ import annotations

import torch
from torch import nn

from tests.support.data import Array

BATCH = 64


def train(
    network: nn.Module, inputs: Array, targets: Array, loss: nn.Module, epochs: int
) -> nn.Module:
    """Trains with Adam and a falling rate, in one thread so that runs agree.

    Args:
        network: made after `torch.manual_seed`.
        inputs: float32 [n, ...].
        targets: what `loss` takes, [n, ...].
        loss: of the network's outputs and the targets.
        epochs: passes over the data.

    Returns:
        The network, set to inference.
    """
    x, y = torch.from_numpy(inputs), torch.from_numpy(targets)
    steps = epochs * -(-len(x) // BATCH)
    optimiser = torch.optim.Adam(network.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    network.train()
    for _ in range(epochs):
        for chosen in torch.randperm(len(x)).split(BATCH):
            optimiser.zero_grad()
            loss(network(x[chosen]), y[chosen]).backward()
            optimiser.step()
            schedule.step()
    return network.eval()


class ProbabilityLoss(nn.Module):
    """Cross entropy of a network that ends in a softmax."""

    def forward(self, output: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Of probabilities [n, classes] and labels [n]."""
        return nn.functional.nll_loss(torch.log(output + 1e-9), labels)
