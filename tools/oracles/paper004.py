"""The networks and losses of Sources/Systems/Paper004 in PyTorch, by the paper's equations and the author's sizes."""
import torch
import torch.nn as nn
import torch.nn.functional as F


def sizes(bands, frames, halvings=2):
    levels = [(bands, frames)]
    for _ in range(halvings):
        levels.append(tuple((n + 1) // 2 for n in levels[-1]))
    return levels


def fill(x, to):
    return F.pad(x, (0, to[1] - x.shape[3], 0, to[0] - x.shape[2]))


class Block(nn.Module):
    def __init__(self, inputs, outputs, transposed=False):
        super().__init__()
        kind = nn.ConvTranspose2d if transposed else nn.Conv2d
        self.convolutions = nn.ModuleList(kind(inputs if i == 0 else outputs, outputs, 5, padding=2) for i in range(4))

    def forward(self, x):
        first = x = self.convolutions[0](x).relu()
        for layer in self.convolutions[1:]:
            x = layer(x).relu()
        return x + first


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return self.conv2(self.conv1(x.relu()).relu()) + x


class PublishedEncoder(nn.Module):
    def __init__(self, levels, signed):
        super().__init__()
        self.levels = levels
        self.blocks = nn.ModuleList([Block(1, 2), Block(2, 4), Block(4, 4)])
        self.output = nn.Conv2d(4, 4, 1) if signed else None

    def forward(self, x):
        for level, block in enumerate(self.blocks):
            x = block(x)
            if level < 2:
                x = F.avg_pool2d(fill(x, tuple(2 * n for n in self.levels[level + 1])), 2)
        return self.output(x) if self.output is not None else x


class PublishedDecoder(nn.Module):
    def __init__(self, levels):
        super().__init__()
        self.levels = levels
        self.blocks = nn.ModuleList([Block(4, 2, True), Block(2, 1, True)])

    def forward(self, x):
        for place, block in enumerate(self.blocks):
            bands, frames = self.levels[1 - place]
            x = block(F.interpolate(x, scale_factor=2, mode="nearest")[:, :, :bands, :frames])
        return x


class PatchEncoder(nn.Module):
    def __init__(self, levels, width, blocks):
        super().__init__()
        self.levels = levels
        self.entry = nn.Conv2d(1, width, 4, stride=4)
        self.blocks = nn.ModuleList(Residual(width) for _ in range(blocks))
        self.output = nn.Conv2d(width, 4, 1)

    def forward(self, x):
        x = self.entry(fill(x, tuple(4 * n for n in self.levels[-1])))
        for block in self.blocks:
            x = block(x)
        return self.output(x.relu())


class PatchDecoder(nn.Module):
    def __init__(self, levels, width, blocks):
        super().__init__()
        self.levels = levels
        self.entry = nn.Conv2d(4, width, 1)
        self.blocks = nn.ModuleList(Residual(width) for _ in range(blocks))
        self.output = nn.ConvTranspose2d(width, 1, 4, stride=4)

    def forward(self, x):
        x = self.entry(x)
        for block in self.blocks:
            x = block(x)
        bands, frames = self.levels[0]
        return self.output(x.relu())[:, :, :bands, :frames].relu()


class Coder(nn.Module):
    """kind: plain, variational, adversarial, multimodal; network: published or (width, blocks)."""

    def __init__(self, kind, levels, network="published", published=False, numbers=8):
        super().__init__()
        self.kind, self.published = kind, published

        def encoder(signed=False):
            return PublishedEncoder(levels, signed) if network == "published" else PatchEncoder(levels, *network)
        if kind == "plain":
            self.encoder = encoder()
        elif kind == "variational":
            self.mean, self.variance = encoder(not published), encoder(not published)
        else:
            self.content, self.style = encoder(), encoder()
        if kind == "multimodal":
            self.reduction = nn.Conv2d(4, numbers, tuple(min(5, n) for n in levels[-1]))
            self.hidden, self.output = nn.Linear(numbers, 4), nn.Linear(4, 8)
            if published:
                self.running = nn.Module()
                self.running.register_buffer("mean", torch.zeros(1, 4, 1, 1))
                self.running.register_buffer("deviation", torch.ones(1, 4, 1, 1))
        self.decoder = PublishedDecoder(levels) if network == "published" else PatchDecoder(levels, *network)

    def encode(self, x):
        """Content, logarithm of the variance, style."""
        if self.kind == "plain":
            return self.encoder(x), None, None
        if self.kind == "variational":
            return self.mean(x), self.variance(x), None
        if self.kind == "adversarial":
            return self.content(x), None, self.style(x)
        reduced = self.reduction(self.style(x))
        return self.content(x), None, (reduced.relu() if self.published else reduced).mean((2, 3))

    def decode(self, content, style=None):
        if self.kind == "adversarial":
            def moments(m):
                return m.mean((2, 3), keepdim=True), m.var((2, 3), unbiased=False, keepdim=True)
            (cm, cv), (sm, sv) = moments(content), moments(style)
            content = (sv + 1e-7).sqrt() * (content - cm) / (cv + 1e-7).sqrt() + sm
        elif self.kind == "multimodal":
            numbers = self.output(self.hidden(style).relu())
            shift, scale = numbers[:, :4, None, None], numbers[:, 4:, None, None]
            if self.published:
                if self.training:
                    with torch.no_grad():
                        self.running.mean = self.running.mean * .9 + .1 * content.mean((0, 2, 3), keepdim=True)
                        self.running.deviation = self.running.deviation * .9 + .1 * content.std(
                            (0, 2, 3), unbiased=False, keepdim=True)
                content = (content - self.running.mean) / (self.running.deviation + 1e-5)
            else:
                mean = content.mean((2, 3), keepdim=True)
                variance = content.var((2, 3), unbiased=False, keepdim=True)
                content = (content - mean) / (variance + 1e-5).sqrt()
            content = content * scale + shift
        return self.decoder(content)


class PublishedDiscriminator(nn.Module):
    def __init__(self, bands, frames, probability):
        super().__init__()
        self.probability = probability
        self.convolutions = nn.ModuleList([nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 4, 3, padding=1)])
        units = max(1, round(round(bands * frames / 64) ** 0.5))
        self.hidden = nn.Linear((bands // 16) * (frames // 16) * 4, units)
        self.output = nn.Linear(units, 1)

    def forward(self, x):
        for layer in self.convolutions:
            x = F.max_pool2d(layer(x).relu(), 4)
        x = self.output(self.hidden(x.flatten(1)).relu())
        return x.sigmoid() if self.probability else x


class PatchDiscriminator(nn.Module):
    def __init__(self, widths=(16, 32, 64)):
        super().__init__()
        norm = nn.utils.spectral_norm
        self.convolutions = nn.ModuleList(
            norm(nn.Conv2d(a, b, 4, stride=2, padding=1)) for a, b in zip((1, *widths), widths))
        self.output = norm(nn.Conv2d(widths[-1], 1, 3, padding=1))

    def forward(self, x):
        for layer in self.convolutions:
            x = F.leaky_relu(layer(x), 0.2)
        return self.output(x)


class MultiscaleDiscriminator(nn.Module):
    def __init__(self, widths=(16, 32, 64)):
        super().__init__()
        self.scales = nn.ModuleList(PatchDiscriminator(widths) for _ in range(2))

    def forward(self, x):
        results = [net(x if i == 0 else F.avg_pool2d(x, 2)).flatten(1) for i, net in enumerate(self.scales)]
        return torch.cat(results, 1).sigmoid()


class Twins(nn.Module):
    def __init__(self, kind, bands, frames, network="published", published=False, numbers=8, discriminator="published"):
        super().__init__()
        self.kind, self.published = kind, published
        levels = sizes(bands, frames)
        self.coders = nn.ModuleList(Coder(kind, levels, network, published, numbers) for _ in range(2))
        self.discriminators = nn.ModuleList()
        if kind in ("adversarial", "multimodal"):
            for _ in range(2):
                self.discriminators.append(
                    PublishedDiscriminator(bands, frames, not published) if discriminator == "published"
                    else MultiscaleDiscriminator(discriminator))

    def forward(self, mels, noises, weights):
        """One step: the weighted loss of the coders, that of the discriminators, its parts, and what is converted."""
        noises = iter(noises)
        c, far = self.coders, (1, 0)
        codes = [c[i].encode(mels[i]) for i in (0, 1)]
        drawn = []
        for content, logvar, _ in codes:
            if logvar is None:
                drawn.append(content)
            elif self.published:
                drawn.append(content + logvar.clamp(0, 10).exp() * next(noises)[:1])
            else:
                drawn.append(content + (0.5 * logvar).exp() * next(noises))
        own = [c[i].decode(drawn[i], codes[i][2]) for i in (0, 1)]
        styles = []
        for i in (0, 1):
            target = codes[far[i]][2]
            if target is None:
                styles.append(None)
            elif self.kind == "multimodal" or self.published:
                noise = next(noises)
                styles.append(noise[:1].expand(target.shape) if self.published else noise)
            else:
                styles.append(target)
        converted = [c[far[i]].decode(drawn[i], styles[i]) for i in (0, 1)]
        again = [c[far[i]].encode(converted[i]) for i in (0, 1)]

        def l1(a, b):
            return (a - b).abs().mean()

        def mean(values):
            return sum(values) / len(values)
        parts = {"l1": mean([l1(mels[i], own[i]) for i in (0, 1)])}
        if self.kind == "plain" and self.published:
            parts["code"] = mean([l1(codes[0][0], codes[1][0]), l1(again[0][0], again[1][0])])
        else:
            parts["code"] = mean([l1(codes[i][0], again[i][0]) for i in (0, 1)])
        if self.kind == "variational":
            def kl(mu, logvar):
                variance = logvar.clamp(0, 10).exp() if self.published else logvar.exp()
                return (0.5 * (variance + mu ** 2 - logvar - 1)).mean()
            parts["divergence"] = mean([kl(*codes[i][:2]) for i in (0, 1)])
        each = [l1(styles[i], again[i][2]) for i in (0, 1) if styles[i] is not None and not (self.published and i == 1)]
        if each:
            parts["style"] = mean(each)
        def pair(above, below):
            return (((above - 1 - below.mean()) ** 2).mean() + ((below + 1 - above.mean()) ** 2).mean()) / 2
        d = self.discriminators
        if len(d):
            # Spectral norms move with each call: real segments first.
            verdicts = []
            for i in (0, 1):
                real = d[far[i]](mels[far[i]])
                verdicts.append(pair(d[far[i]](converted[i]), real))
            parts["adversarial"] = mean(verdicts)
        if weights.get("cycle", 0) > 0:
            parts["cycle"] = mean([l1(mels[i], c[i].decode(again[i][0], codes[i][2])) for i in (0, 1)])
        loss = sum(value * weights.get(name, 1) for name, value in parts.items())
        judged = None
        if len(d):
            judged = mean([pair(d[far[i]](mels[far[i]]), d[far[i]](converted[i].detach())) for i in (0, 1)])
        return loss, judged, parts, converted
