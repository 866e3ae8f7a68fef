"""Logistic regression in numpy on one site's windows: plain SGD, batches in a fixed order, as our `linear` preset trains it."""

import json

import numpy as np


def load(folder, site):
    head = json.load(open(f"{folder}/windows.json"))
    part = head["sites"][site]
    x = np.fromfile(f"{folder}/{part['x']}", np.float32).reshape(part["count"], head["width"])
    y = np.fromfile(f"{folder}/{part['y']}", np.float32)
    return x, y, head


def train(values, x, y, rate, batch):
    w, b = values[:-1].copy(), values[-1]
    losses = []
    order = np.random.default_rng(7).permutation(len(x))
    for start in range(0, len(x), batch):
        rows = order[start : start + batch]
        z = x[rows] @ w + b
        p = 1 / (1 + np.exp(-z))
        losses.append(float(np.mean(np.logaddexp(0, z) - y[rows] * z)) * len(rows))
        error = (p - y[rows]) / len(rows)
        w -= rate * (x[rows].T @ error)
        b -= rate * error.sum()
    return np.append(w, b).astype(np.float32), sum(losses) / len(x)
