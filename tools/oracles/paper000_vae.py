"""The variational autoencoder of paper 000 and its loss in PyTorch, written from their description in docs/paper-000.md and
not from Sources/Systems."""
import torch
import torch.nn.functional as F

import package  # noqa: F401
from reprise._networks import Autoencoder as VAE  # noqa: F401


def divergence(mean, sigma):
    """KL of each dimension from the standard normal distribution, in nats: [N, latents]."""
    return 0.5 * (mean ** 2 + sigma ** 2 - 1) - torch.log(sigma)


def losses(network, roll, noise, beta, free):
    """Reconstruction and KL with free bits, nats of a window each, and the loss: their weighted sum over the cells."""
    mean, sigma = network.encode(roll)
    logits = network.decode(mean + sigma * noise)
    cost = F.binary_cross_entropy_with_logits(logits, roll, reduction="sum") / roll.shape[0]
    penalty = divergence(mean, sigma).mean(0).clamp(min=free).sum()
    return logits, cost, penalty, (cost + beta * penalty) / (roll.shape[1] * roll.shape[2])
