"""The parallel VAE of paper 003 in PyTorch, written from docs/paper-003.md and not from Sources/Systems."""
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

PITCHES, FAMILIES = 61, 17


class Recurrence(nn.Module):
    """A GRU or an LSTM under the name of its kind."""

    def __init__(self, cell, inputs, hidden, layers):
        super().__init__()
        kind = {"gru": nn.GRU, "lstm": nn.LSTM}[cell]
        self.gru = self.lstm = None
        setattr(self, cell, kind(inputs, hidden, layers, batch_first=True))
        self.cell = cell

    def forward(self, x, state=None):
        return getattr(self, self.cell)(x, state)


class Encoder(nn.Module):
    def __init__(self, cell, hidden, latent, group):
        super().__init__()
        self.pitch = Recurrence(cell, group * PITCHES, hidden, 2)
        self.velocity = Recurrence(cell, group, hidden, 1)
        self.instrument = Recurrence(cell, FAMILIES, hidden, 1)
        self.joint = nn.Linear(3 * hidden, hidden)
        self.extra = nn.Linear(hidden, hidden)
        self.mean = nn.Linear(hidden // 2, latent)
        self.logVariance = nn.Linear(hidden - hidden // 2, latent)

    def forward(self, pitch, velocity, instrument):
        last = [net(x)[0][:, -1] for net, x in ((self.pitch, pitch), (self.velocity, velocity),
                                                (self.instrument, instrument))]
        h = torch.tanh(self.extra(torch.tanh(self.joint(torch.cat(last, 1)))))
        half = h.shape[1] // 2
        return self.mean(h[:, :half]), self.logVariance(h[:, half:])


class Decoder(nn.Module):
    """`teacher`: what a row sees of the row before: the true one, what was put out there, or zeros."""

    def __init__(self, cell, hidden, latent, width, layers, activation, outputs=None):
        super().__init__()
        self.start = nn.ModuleList(nn.Linear(latent, hidden) for _ in range(layers))
        self.memory = nn.ModuleList(nn.Linear(latent, hidden) for _ in range(layers if cell == "lstm" else 0))
        self.recurrence = Recurrence(cell, width, hidden, layers)
        self.output = nn.Linear(hidden, outputs or width)
        self.activation, self.width = activation, width

    def forward(self, z, rows, teacher):
        state = torch.stack([torch.tanh(layer(z)) for layer in self.start])
        if len(self.memory):
            state = (state, torch.stack([torch.tanh(layer(z)) for layer in self.memory]))
        first = z.new_zeros(len(z), 1, self.width)
        if teacher == "none":
            return self.output(self.recurrence(first.expand(-1, rows.shape[1], -1), state)[0])
        if teacher == "previous":
            return self.output(self.recurrence(torch.cat([first, rows[:, :-1]], 1), state)[0])
        x, out = first, []
        for _ in range(rows.shape[1]):
            h, state = self.recurrence(x, state)
            out.append(self.output(h))
            x = self.activation(out[-1])
        return torch.cat(out, 1)


class Parallel(nn.Module):
    """`group`: the voices of a row; 1 puts the voices of a step one behind the other, as MIDI-VAE does. `split`: whether the
    decoder of velocities says apart whether a note begins and how loud it is."""

    def __init__(self, cell="gru", hidden=256, latent=256, voices=4, group=1, history=False, split=False):
        super().__init__()
        self.group, self.split = group, split
        width = latent * (2 if history else 1)
        self.encoder = Encoder(cell, hidden, latent, group)

        def shares(classes):
            return lambda x: F.softmax(x.unflatten(2, (-1, classes)), 3).flatten(2)
        self.pitch = Decoder(cell, hidden, width, group * PITCHES, 2, shares(PITCHES))
        self.velocity = Decoder(
            cell, hidden, width, group, 1,
            (lambda x: torch.sigmoid(x[..., :group]) * torch.sigmoid(x[..., group:])) if split else torch.sigmoid,
            2 * group if split else group)
        self.instrument = Decoder(cell, hidden, width, FAMILIES, 1, shares(FAMILIES))

    def forward(self, pitch, velocity, instrument, noise, teacher, noise_scale, previous=None):
        """pitch [N, T, V, 61], velocity [N, T, V], instrument [N, V, 17], one-hot or zeros; noise [N, latent]."""
        n, steps, voices = velocity.shape
        rows = steps * voices // self.group
        p, v = pitch.reshape(n, rows, -1), velocity.reshape(n, rows, -1)
        mean, log_variance = self.encoder(p, v, instrument)
        z = mean + noise_scale * torch.exp(log_variance / 2) * noise
        seen = z if previous is None else torch.cat([z, previous], 1)
        level, onset = self.velocity(seen, v, teacher), None
        if self.split:
            onset, level = (x.reshape(velocity.shape) for x in level.split(self.group, 2))
        return (self.pitch(seen, p, teacher).reshape(pitch.shape),
                (torch.sigmoid(level).reshape(velocity.shape), onset),
                self.instrument(seen, instrument, teacher), mean, log_variance, z)


def losses(outputs, pitch, velocity, instrument, style, styles, free_bits=0.0):
    """The parts of the loss, before their weights; the divergence is summed over dimensions, each at least `free_bits`."""
    p, (v, onset), i, mean, log_variance, z = outputs
    begins = (velocity > 0).to(v.dtype)
    known = instrument.sum()
    divergence = (0.5 * (mean ** 2 + log_variance.exp() - log_variance - 1)).mean(0)
    return {
        "pitch": F.cross_entropy(p.flatten(0, 2), pitch.argmax(3).flatten()),
        "velocity": F.mse_loss(v, velocity) if onset is None else F.binary_cross_entropy_with_logits(onset, begins)
        + (((v - velocity) ** 2) * begins).sum() / begins.sum().clamp(min=1),
        "instrument": -(F.log_softmax(i, 2) * instrument).sum() / known.clamp(min=1),
        "style": F.cross_entropy(z[:, :styles], style),
        "divergence": divergence.clamp(min=free_bits).sum(),
    }


WEIGHTS = {"pitch": 1.0, "velocity": 1.0, "instrument": 0.1, "style": 0.1, "divergence": 0.1}


def total(parts, weights=None):
    return sum((weights or WEIGHTS)[name] * value for name, value in parts.items())


def trained(batch, steps):
    """The seconds that so many steps of `parallel-vae` take by default, on batches that lie ready."""
    net = Parallel("gru", 256, 128, 4, 4, split=True)
    adam = torch.optim.Adam(net.parameters(), 1e-3, eps=1e-7)

    def segments():
        pitch = F.one_hot(torch.randint(0, PITCHES, (batch, 16, 4)), PITCHES).float()
        velocity = torch.where(torch.rand(batch, 16, 4) < 0.5, 0.5 + 0.5 * torch.rand(batch, 16, 4), 0.0)
        return pitch, velocity, F.one_hot(torch.randint(0, FAMILIES, (batch, 4)), FAMILIES).float()
    ready = [(segments(), torch.randint(0, 2, (batch,))) for _ in range(4)]
    weights = {**WEIGHTS, "divergence": 0.01}
    begin = time.perf_counter()
    for step in range(steps):
        inputs, style = ready[step % 4]
        adam.zero_grad()
        value = total(losses(net(*inputs, torch.randn(batch, 128), "previous", 0.01), *inputs, style, 2), weights)
        value.backward()
        value.item()
        adam.step()
    return time.perf_counter() - begin
