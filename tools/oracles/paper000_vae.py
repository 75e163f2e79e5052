"""The variational autoencoder of paper 000 and its loss in PyTorch, written from their description in docs/paper-000.md and
not from Sources/Systems."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class VAE(nn.Module):
    """Two bidirectional LSTM layers, mean and sigma by softplus (equation 3), a conductor and a decoder LSTM."""

    def __init__(self, columns, latents=64, hidden=256, conductor=128, decoder=256, steps=32, parts=4):
        super().__init__()
        self.steps, self.parts = steps, parts
        self.encoder = nn.LSTM(columns, hidden, num_layers=2, bidirectional=True, batch_first=True)
        self.mean, self.spread = nn.Linear(2 * hidden, latents), nn.Linear(2 * hidden, latents)
        self.start = nn.Linear(latents, 2 * conductor)
        self.conductor = nn.LSTM(latents, conductor, batch_first=True)
        self.begin = nn.Linear(conductor, 2 * decoder)
        self.decoder = nn.LSTM(conductor, decoder, batch_first=True)
        self.output = nn.Linear(decoder, columns)
        self.register_buffer("marginal", torch.full((columns,), 0.5))

    def encode(self, roll):
        _, (hidden, _) = self.encoder(roll)
        last = torch.cat([hidden[-2], hidden[-1]], 1)
        return self.mean(last), F.softplus(self.spread(last))

    def decode(self, z):
        count = z.shape[0]
        first = torch.tanh(self.start(z)).chunk(2, 1)
        embeddings, _ = self.conductor(
            z[:, None].expand(-1, self.parts, -1), tuple(x[None].contiguous() for x in first))
        parts = embeddings.reshape(count * self.parts, -1)
        state = tuple(x[None].contiguous() for x in torch.tanh(self.begin(parts)).chunk(2, 1))
        length = self.steps // self.parts
        hidden, _ = self.decoder(parts[:, None].expand(-1, length, -1), state)
        return self.output(hidden).reshape(count, self.steps, -1)


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
