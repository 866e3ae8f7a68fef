"""A whole FedAvg run in PyTorch, as a careful PyTorch programmer would write it: tensors preloaded, one model object per run,
state copied in place, a batch gathered by index, no DataLoader, evaluation left out.

Usage: fedavg.py HEADER.json THREADS LIMIT
The header names a raw file of float32 rows and int32 window starts, and says how many windows each site has; the program that
it is compared with wrote it. Stops at LIMIT seconds. Prints one JSON line: {"seconds", "steps", "loss", "version", ...} or
{"reason": ...}.
"""

import json
import sys
import time


def say(**fields):
    print(json.dumps(fields), flush=True)


try:
    import numpy as np
    import torch
except ImportError as error:
    say(reason=f"PyTorch is not installed ({error}); run bench/peers/setup.sh")
    sys.exit(0)

from models import CnnLstm

with open(sys.argv[1]) as file:
    header = json.load(file)
threads = int(sys.argv[2])
limit = float(sys.argv[3])
torch.set_num_threads(threads)
torch.manual_seed(7)

raw = open(header["path"], "rb").read()
rows = torch.from_numpy(np.frombuffer(raw, np.float32, header["rows"] * header["width"]).reshape(-1, header["width"]).copy())
offset = header["rows"] * header["width"] * 4
starts = np.frombuffer(raw, np.int32, header["windows"], offset).astype(np.int64)
targets = np.frombuffer(raw, np.float32, header["windows"], offset + header["windows"] * 4).copy()
length = header["length"]
# Every window laid out once, before the clock starts.
windows = rows[torch.from_numpy(starts)[:, None] + torch.arange(length)[None, :]]
targets = torch.from_numpy(targets)[:, None]

sites = []
first = 0
for size in header["sites"]:
    sites.append((windows[first : first + size], targets[first : first + size]))
    first += size

model = CnnLstm(length, header["width"])
loss_function = torch.nn.MSELoss()
state = [t for t in model.state_dict().values() if t.is_floating_point()]
weights = [len(x) / sum(len(x) for x, _ in sites) for x, _ in sites]


def optimizer_of():
    # State starts afresh in every round and at every site.
    options = dict(lr=header["learningRate"])
    try:
        return torch.optim.Adam(model.parameters(), fused=True, **options)
    except (TypeError, RuntimeError):
        return torch.optim.Adam(model.parameters(), **options)


def federate(sites, rounds):
    steps = 0
    until = time.perf_counter() + limit
    world = [t.clone() for t in state]
    for _ in range(rounds):
        total = [torch.zeros_like(t) for t in world]
        for (x, y), weight in zip(sites, weights):
            with torch.no_grad():
                torch._foreach_copy_(state, world)
            optimizer = optimizer_of()
            for _ in range(header["epochs"]):
                order = torch.randperm(len(x))
                for batch in order.split(header["batch"]):
                    optimizer.zero_grad()
                    loss = loss_function(model(x[batch]), y[batch])
                    loss.backward()
                    optimizer.step()
                    steps += 1
                    if time.perf_counter() > until:
                        return steps, float(loss)
            with torch.no_grad():
                torch._foreach_add_(total, state, alpha=weight)
        world = total
    return steps, float(loss)


federate([(x[:64], y[:64]) for x, y in sites], 1)  # warm up on a little of the data
started = time.perf_counter()
cpu = time.process_time()
steps, loss = federate(sites, header["rounds"])
say(
    seconds=time.perf_counter() - started,
    cpu=time.process_time() - cpu,
    steps=steps,
    loss=loss,
    version=torch.__version__,
    capability=torch.backends.cpu.get_cpu_capability(),
    threads=torch.get_num_threads(),
)
