"""The networks of cyclegan in PyTorch, written from their description in docs/cyclegan.md and not from Sources/Systems."""
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
