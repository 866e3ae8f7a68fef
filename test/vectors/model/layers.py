"""Writes layers.json: small models in PyTorch, float64, with outputs, an MSE loss and its gradients.

Shapes in the file are channels-last; here they are turned to PyTorch's layout and back. Run: python layers.py > layers.json
"""
import json
import math
import torch
from torch import nn

torch.manual_seed(20260101)
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
BATCH = 3


def rounded(tensor):
    return [float(f"{v:.12g}") for v in tensor.detach().double().reshape(-1).tolist()]


def first(x):  # channels-last to channels-first
    return x if x.dim() == 2 else x.movedim(-1, 1)


def last(x):
    return x if x.dim() == 2 else x.movedim(1, -1)


def recurrent(module, mode):
    def run(x):
        states, h = module(x)
        if mode == "all":
            return states
        h = h[0] if isinstance(h, tuple) else h
        return torch.cat(list(h), dim=1)
    return run


def case(name, shape, nodes, modules, forward):
    """nodes: the spec; modules: name -> nn.Module; forward: channels-last in, channels-last out."""
    for module in modules.values():
        for key, value in module.named_parameters():
            with torch.no_grad():
                if value.dim() == 1 and "_l0" not in key:
                    value.add_(torch.randn_like(value) * 0.3)
        for key, value in module.named_buffers():
            if key.endswith("running_mean"):
                value.copy_(torch.randn_like(value) * 0.2)
            if key.endswith("running_var"):
                value.copy_(torch.rand_like(value) + 0.5)
    x = torch.randn(BATCH, *shape, requires_grad=True)
    parameters = {f"{m}.{k}": {"shape": list(v.shape), "values": rounded(v)} for m, module in modules.items()
                  for k, v in module.state_dict().items() if not k.endswith("num_batches_tracked")}
    for module in modules.values():
        module.eval()
    evaluated = forward(x)
    target = torch.randn_like(evaluated)
    for module in modules.values():
        module.train()
    trained = forward(x)
    loss = ((trained - target) ** 2).mean()
    loss.backward()
    after = {f"{m}.{k}": rounded(v) for m, module in modules.items() for k, v in module.named_buffers()
             if not k.endswith("num_batches_tracked")}
    return {
        "name": name,
        "spec": {"inputs": {"x": list(shape)}, "nodes": nodes},
        "batch": BATCH,
        "x": rounded(x),
        "parameters": parameters,
        "outputShape": list(evaluated.shape[1:]),
        "evaluated": rounded(evaluated),
        "trained": rounded(trained),
        "target": rounded(target),
        "mse": float(f"{loss.item():.12g}"),
        "gradients": {f"{m}.{k}": rounded(v.grad) for m, module in modules.items() for k, v in module.named_parameters()},
        "inputGradient": rounded(x.grad),
        "buffersAfter": after,
    }


def one(name, shape, node, module, forward=None):
    node = {**node, "name": "l"}
    run = forward or (lambda x: last(module(first(x))))
    return case(name, shape, [node], {"l": module}, run)


cases = []
m = nn.Linear(5, 3)
cases.append(one("dense on a vector", (5,), {"use": "dense", "units": 3}, m, m))
m = nn.Linear(4, 2, bias=False)
cases.append(one("dense on a sequence, no bias", (6, 4), {"use": "dense", "units": 2, "bias": False}, m, m))
cases.append(one("conv1d, stride and padding", (11, 3), {"use": "conv1d", "channels": 4, "kernel": 4, "stride": 2, "padding": 2}, nn.Conv1d(3, 4, 4, 2, 2)))
cases.append(one("conv1d, same", (7, 2), {"use": "conv1d", "channels": 5, "kernel": 5, "padding": "same", "bias": False}, nn.Conv1d(2, 5, 5, padding="same", bias=False)))
cases.append(one("conv2d, different axes", (8, 7, 2), {"use": "conv2d", "channels": 3, "kernel": [3, 2], "stride": [2, 1], "padding": [1, 0]}, nn.Conv2d(2, 3, (3, 2), (2, 1), (1, 0))))
cases.append(one("conv-transpose1d", (5, 3), {"use": "conv-transpose1d", "channels": 2, "kernel": 7, "stride": 2, "padding": 3, "outputPadding": 1}, nn.ConvTranspose1d(3, 2, 7, 2, 3, 1)))
cases.append(one("conv-transpose1d, stride 1", (6, 2), {"use": "conv-transpose1d", "channels": 3, "kernel": 3, "padding": 1}, nn.ConvTranspose1d(2, 3, 3, 1, 1)))
cases.append(one("conv-transpose1d, holes", (4, 2), {"use": "conv-transpose1d", "channels": 2, "kernel": 2, "stride": 3, "outputPadding": 2}, nn.ConvTranspose1d(2, 2, 2, 3, 0, 2)))
cases.append(one("upsample1d", (4, 3), {"use": "upsample1d", "factor": 3}, nn.Upsample(scale_factor=3, mode="nearest")))
cases.append(one("batch-norm on a vector", (4,), {"use": "batch-norm"}, nn.BatchNorm1d(4)))
cases.append(one("batch-norm on a sequence", (5, 3), {"use": "batch-norm", "momentum": 0.3, "eps": 0.001}, nn.BatchNorm1d(3, eps=0.001, momentum=0.3)))
cases.append(one("batch-norm on an image", (3, 4, 2), {"use": "batch-norm"}, nn.BatchNorm2d(2)))
cases.append(one("group-norm on a sequence", (5, 6), {"use": "group-norm", "groups": 3}, nn.GroupNorm(3, 6)))
cases.append(one("group-norm on an image", (3, 4, 4), {"use": "group-norm", "groups": 2, "eps": 0.01}, nn.GroupNorm(2, 4, eps=0.01)))
cases.append(one("group-norm on a vector", (6,), {"use": "group-norm", "groups": 2}, nn.GroupNorm(2, 6)))
m = nn.LayerNorm(5)
cases.append(one("layer-norm", (4, 5), {"use": "layer-norm"}, m, m))
cases.append(one("average-pool", (10, 2), {"use": "average-pool", "kernel": 3}, nn.AvgPool1d(3)))
cases.append(one("average-pool, ceil", (10, 2), {"use": "average-pool", "kernel": 3, "stride": 2, "ceil": True}, nn.AvgPool1d(3, 2, ceil_mode=True)))
cases.append(one("average-pool on an image, ceil", (5, 3, 2), {"use": "average-pool", "kernel": 2, "ceil": True}, nn.AvgPool2d(2, ceil_mode=True)))
cases.append(one("average-pool, stride beyond the kernel, ceil", (9, 2), {"use": "average-pool", "kernel": 2, "stride": 4, "ceil": True}, nn.AvgPool1d(2, 4, ceil_mode=True)))
cases.append(one("max-pool", (9, 3), {"use": "max-pool", "kernel": 2, "stride": 1}, nn.MaxPool1d(2, 1)))
cases.append(one("max-pool on an image, ceil", (7, 6, 2), {"use": "max-pool", "kernel": [3, 2], "stride": [2, 2], "ceil": True}, nn.MaxPool2d((3, 2), (2, 2), ceil_mode=True)))
for bi in (False, True):
    for mode in ("last", "all"):
        extra = {"units": 3, "bidirectional": bi, "output": mode}
        m = nn.LSTM(4, 3, batch_first=True, bidirectional=bi)
        cases.append(one(f"lstm, {'both directions' if bi else 'forward'}, {mode}", (6, 4), {"use": "lstm", **extra}, m, recurrent(m, mode)))
        m = nn.GRU(4, 3, batch_first=True, bidirectional=bi)
        cases.append(one(f"gru, {'both directions' if bi else 'forward'}, {mode}", (6, 4), {"use": "gru", **extra}, m, recurrent(m, mode)))
cases.append(one("relu", (4, 3), {"use": "relu"}, nn.ReLU()))
cases.append(one("sigmoid", (4, 3), {"use": "sigmoid"}, nn.Sigmoid()))
cases.append(one("tanh", (4, 3), {"use": "tanh"}, nn.Tanh()))
cases.append(one("gelu", (4, 3), {"use": "gelu"}, nn.GELU()))
m = nn.Softmax(-1)
cases.append(one("softmax", (4, 3), {"use": "softmax"}, m, m))
cases.append(one("flatten, channels first", (3, 4, 2), {"use": "flatten"}, nn.Flatten(), lambda x: first(x).flatten(1)))
cases.append(one("flatten, channels last", (4, 3), {"use": "flatten", "order": "channels-last"}, nn.Flatten(), lambda x: x.flatten(1)))
cases.append(one("reshape", (4, 6), {"use": "reshape", "shape": [3, 4, 2]}, nn.Identity(), lambda x: x.reshape(-1, 3, 4, 2)))
cases.append(one("repeat", (3,), {"use": "repeat", "times": 4}, nn.Identity(), lambda x: x[:, None].expand(-1, 4, -1)))
a, b, c = nn.Conv1d(3, 4, 3, padding=1), nn.Linear(3, 4), nn.Linear(8, 2)
cases.append(case("branches: conv beside dense, added and joined", (5, 3), [
    {"use": "conv1d", "name": "a", "channels": 4, "kernel": 3, "padding": "same"},
    {"use": "dense", "name": "b", "from": "x", "units": 4},
    {"use": "add", "name": "sum", "from": ["a", "b"]},
    {"use": "concat", "name": "joined", "from": ["sum", "b"]},
    {"use": "dense", "name": "c", "units": 2},
], {"a": a, "b": b, "c": c}, lambda x: c(torch.cat([last(a(first(x))) + b(x), b(x)], -1))))

print(json.dumps({"source": f"PyTorch {torch.__version__}, float64, by layers.py beside this file", "cases": cases}))
