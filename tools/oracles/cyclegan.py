"""The networks of cyclegan in PyTorch, written from their description in docs/cyclegan.md and not from Sources/Systems."""
import math
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


def norm(channels):
    return nn.InstanceNorm2d(channels, affine=True)


class Block(nn.Module):
    """Two 3 x 3 convolutions with reflected borders around a sum."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, bias=False)
        self.norm1 = norm(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, bias=False)
        self.norm2 = norm(channels)

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(F.pad(x, (1, 1, 1, 1), mode="reflect"))))
        return F.relu(x + self.norm2(self.conv2(F.pad(y, (1, 1, 1, 1), mode="reflect"))))


class Generator(nn.Module):
    """Rolls [N, steps, pitches] in [0, 1] to rolls of another style."""

    def __init__(self, filters=64, blocks=10):
        super().__init__()
        f = filters
        self.conv1 = nn.Conv2d(1, f, 7, bias=False)
        self.norm1 = norm(f)
        self.conv2 = nn.Conv2d(f, 2 * f, 3, stride=2, padding=1, bias=False)
        self.norm2 = norm(2 * f)
        self.conv3 = nn.Conv2d(2 * f, 4 * f, 3, stride=2, padding=1, bias=False)
        self.norm3 = norm(4 * f)
        self.blocks = nn.ModuleList(Block(4 * f) for _ in range(blocks))
        self.up1 = nn.ConvTranspose2d(4 * f, 2 * f, 3, stride=2, padding=1, output_padding=1, bias=False)
        self.norm4 = norm(2 * f)
        self.up2 = nn.ConvTranspose2d(2 * f, f, 3, stride=2, padding=1, output_padding=1, bias=False)
        self.norm5 = norm(f)
        self.output = nn.Conv2d(f, 1, 7, bias=False)

    def forward(self, roll):
        x = F.pad(roll[:, None], (3, 3, 3, 3), mode="reflect")
        x = F.relu(self.norm1(self.conv1(x)))
        x = F.relu(self.norm2(self.conv2(x)))
        x = F.relu(self.norm3(self.conv3(x)))
        for block in self.blocks:
            x = block(x)
        x = F.relu(self.norm4(self.up1(x)))
        x = F.relu(self.norm5(self.up2(x)))
        return torch.sigmoid(self.output(F.pad(x, (3, 3, 3, 3), mode="reflect")))[:, 0]


class Discriminator(nn.Module):
    """Rolls [N, steps, pitches] to a map [N, 1, steps / 4, pitches / 4], 1 where it takes them for real."""

    def __init__(self, filters=64, kernel=4):
        super().__init__()
        f, k = filters, kernel
        # The padding of TensorFlow's SAME at strides 2 and 1; an odd zero comes last.
        self.pads = [self.pad(k, 2), self.pad(k, 2), self.pad(k, 1)]
        self.conv1 = nn.Conv2d(1, f, k, stride=2, bias=False)
        self.conv2 = nn.Conv2d(f, 4 * f, k, stride=2, bias=False)
        self.norm2 = norm(4 * f)
        self.output = nn.Conv2d(4 * f, 1, k, bias=False)

    @staticmethod
    def pad(kernel, stride):
        total = kernel - stride
        return (total // 2, total - total // 2) * 2

    def forward(self, roll):
        x = F.leaky_relu(self.conv1(F.pad(roll[:, None], self.pads[0])), 0.2)
        x = F.leaky_relu(self.norm2(self.conv2(F.pad(x, self.pads[1]))), 0.2)
        return self.output(F.pad(x, self.pads[2]))


class CycleGAN(nn.Module):
    """Both generators, and a discriminator for each style; `extra` adds those of mixed music."""

    def __init__(self, filters=64, blocks=10, kernel=4, extra=True):
        super().__init__()
        self.generators = nn.ModuleDict({name: Generator(filters, blocks) for name in ("a2b", "b2a")})
        self.discriminators = nn.ModuleDict({name: Discriminator(filters, kernel) for name in ("a", "b")})
        if extra:
            self.mixed = nn.ModuleDict({name: Discriminator(filters, kernel) for name in ("a", "b")})

    def fakes(self, a, b):
        return self.generators["b2a"](b), self.generators["a2b"](a)

    def generator_loss(self, a, b, noise, cycle=10.0, gamma=1.0):
        fake_a, fake_b = self.fakes(a, b)
        losses = cycle * (F.l1_loss(self.generators["b2a"](fake_b), a) + F.l1_loss(self.generators["a2b"](fake_a), b))
        for name, fake in (("a", fake_a), ("b", fake_b)):
            losses = losses + towards(self.discriminators[name](fake + noise), 1)
            if hasattr(self, "mixed"):
                losses = losses + gamma * towards(self.mixed[name](fake + noise), 1)
        return losses, (fake_a, fake_b)

    def discriminator_loss(self, a, b, fake_a, fake_b, noise, mixed=None, gamma=1.0):
        losses = 0
        for name, real, fake in (("a", a, fake_a), ("b", b, fake_b)):
            losses = losses + self.tell(self.discriminators[name], real, fake, noise)
            if hasattr(self, "mixed"):
                losses = losses + gamma * self.tell(self.mixed[name], mixed, fake, noise)
        return losses

    @staticmethod
    def tell(discriminator, real, fake, noise):
        return (towards(discriminator(real + noise), 1) + towards(discriminator(fake + noise), 0)) / 2


def towards(output, target):
    """The least-squares adversarial loss of Mao et al. 2017."""
    return ((output - target) ** 2).mean()


def numbers(roll):
    """The 58 numbers of a roll [64, 84] of 0 and 1 that the style probe sees, cell by cell as docs/cyclegan.md lists them."""
    steps, pitches = len(roll), len(roll[0])
    cells = sum(sum(row) for row in roll)
    begun = [[p for p in range(pitches) if roll[t][p] and not (t and roll[t - 1][p])] for t in range(steps)]
    count = sum(len(keys) for keys in begun)
    octaves, classes, voices, intervals, places = [0] * 7, [0] * 12, [0] * 7, [0] * 12, [0] * 16
    for t, row in enumerate(roll):
        keys = [p for p in range(pitches) if row[p]]
        voices[min(len(keys), 6)] += 1
        places[t % 16] += len(begun[t])
        for p in keys:
            octaves[p // 12] += 1
            classes[p % 12] += 1
            for other in keys:
                if 1 <= other - p <= 12:
                    intervals[other - p - 1] += 1
    chords = sum(1 for keys in begun if keys)
    return ([math.log(cells + 1), math.log(count + 1)] + [n / max(cells, 1) for n in octaves + classes]
            + [n / steps for n in voices] + [n / max(cells, 1) for n in intervals]
            + [n / max(count, 1) for n in places] + [cells / max(count, 1), count / max(chords, 1)])


def fitted(first, second):
    """Slopes and constant of the logistic regression of the probe, by L-BFGS in float64."""
    both = torch.cat([first, second])
    spread = both.std(0, correction=0).clamp(min=1e-6)
    sides = [(rows - both.mean(0)) / spread for rows in (first, second)]
    slopes = torch.zeros(both.shape[1], dtype=torch.float64, requires_grad=True)
    constant = torch.zeros((), dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([slopes, constant], max_iter=5000, tolerance_grad=1e-13, tolerance_change=1e-16,
                               line_search_fn="strong_wolfe")

    def loss():
        search.zero_grad()
        value = (0.01 * (slopes ** 2).sum() + 0.5 * F.softplus(sides[0] @ slopes + constant).mean()
                 + 0.5 * F.softplus(-(sides[1] @ slopes + constant)).mean())
        value.backward()
        return value

    search.step(loss)
    return slopes.detach(), constant.detach()


class Pool:
    """Earlier outputs of a generator, shown in place of half of the newest."""

    def __init__(self, capacity):
        self.capacity, self.rolls = capacity, []

    def exchange(self, newest):
        shown = []
        for roll in newest:
            if len(self.rolls) < self.capacity:
                self.rolls.append(roll.clone())
            elif torch.rand(()) < 0.5:
                place = int(torch.randint(self.capacity, ()))
                roll, self.rolls[place] = self.rolls[place], roll.clone()
            shown.append(roll)
        return torch.stack(shown)


def trained(batch, steps):
    """Trains the partial model of 16 filters and 4 blocks on made rolls that lie ready; the seconds of all steps."""
    model = CycleGAN(16, 4)
    generators = list(model.generators.parameters())
    tellers = [*model.discriminators.parameters(), *model.mixed.parameters()]
    adams = [torch.optim.Adam(own, 2e-4, betas=(0.5, 0.999)) for own in (generators, tellers)]
    pools = Pool(50), Pool(50)
    ready = [[(torch.rand(batch, 64, 84) < 0.05).float() for _ in range(3)] for _ in range(4)]
    begin = time.perf_counter()
    for step in range(steps):
        a, b, mixed = ready[step % 4]
        noise = torch.randn(a.shape)
        adams[0].zero_grad()
        for parameter in tellers:
            parameter.requires_grad_(False)
        loss, fakes = model.generator_loss(a, b, noise)
        loss.backward()
        for parameter in tellers:
            parameter.requires_grad_(True)
        loss.item()
        adams[0].step()
        adams[1].zero_grad()
        shown = [pool.exchange(fake.detach()) for pool, fake in zip(pools, fakes)]
        loss = model.discriminator_loss(a, b, *shown, noise, mixed)
        loss.backward()
        loss.item()
        adams[1].step()
    return time.perf_counter() - begin
