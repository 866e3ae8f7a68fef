"""The models of the bench, written as a PyTorch programmer would: the same graphs as Millwright's presets."""

import torch
from torch import nn


class CnnLstm(nn.Module):
    """The CNN-LSTM of Bataineh et al., Algorithm 2, with batch norm, over windows of `features` sensors."""

    def __init__(self, window, features, outputs=1):
        super().__init__()
        channels = [1, 2, 4, 6, 8]
        self.conv = nn.ModuleList([nn.Conv2d(a, b, 3, padding=1) for a, b in zip(channels, channels[1:])])
        self.norm = nn.ModuleList([nn.BatchNorm2d(c) for c in channels[1:]])
        self.pool = nn.AvgPool2d(2, ceil_mode=True)
        height, width = window, features
        for _ in range(4):
            height, width = (height + 1) // 2, (width + 1) // 2
        self.lstm = nn.LSTM(features, 20, batch_first=True)
        self.bilstm = nn.LSTM(width * 8, 16, batch_first=True, bidirectional=True)
        self.dense = nn.Sequential(
            nn.Linear(20 + 32 + height * width * 8, 16), nn.ReLU(), nn.Linear(16, 4), nn.ReLU(), nn.Linear(4, outputs)
        )

    def forward(self, x):
        image = x.unsqueeze(1)
        for conv, norm in zip(self.conv, self.norm):
            image = self.pool(torch.relu(norm(conv(image))))
        maps = image.permute(0, 2, 3, 1).flatten(2)
        _, (state, _) = self.lstm(x)
        _, (both, _) = self.bilstm(maps)
        joined = torch.cat([state[0], both[0], both[1], maps.flatten(1)], dim=1)
        return self.dense(joined)


class Lstm(nn.Module):
    def __init__(self, features, units):
        super().__init__()
        self.lstm = nn.LSTM(features, units, batch_first=True)
        self.dense = nn.Linear(units, 1)

    def forward(self, x):
        _, (state, _) = self.lstm(x)
        return self.dense(state[0])


def mlp():
    return nn.Sequential(nn.Linear(56, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1))


def build(name, window, features):
    if name == "cnn-lstm":
        return CnnLstm(window, features)
    if name.startswith("lstm"):
        return Lstm(features, int(name[4:]))
    return mlp()


def loss_of(name):
    return nn.MSELoss() if name == "mlp" else nn.BCEWithLogitsLoss()
