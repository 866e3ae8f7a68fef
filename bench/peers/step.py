"""Training steps of one model in PyTorch, measured on request so that two programs can take turns.

Usage: step.py MODEL WINDOW FEATURES BATCH THREADS eager|compile
Prints one JSON line when ready ({"ready": true, ...} or {"reason": ...}); then, for every line "run SECONDS" on standard
input, one line {"steps": n, "seconds": s}. The batch lies ready in memory: nothing but the step is measured.
"""

import json
import resource
import sys
import time

name, window, features, batch, threads, mode = sys.argv[1], *map(int, sys.argv[2:6]), sys.argv[6]


def say(**fields):
    print(json.dumps(fields), flush=True)


try:
    import torch
except ImportError as error:
    say(reason=f"PyTorch is not installed ({error}); run bench/peers/setup.sh")
    sys.exit(0)

from models import build, loss_of

torch.set_num_threads(threads)
torch.manual_seed(7)
model = build(name, window, features)
loss_function = loss_of(name)
x = torch.randn(batch, features) if name == "mlp" else torch.randn(batch, window, features)
y = (torch.rand(batch, 1) < 0.3).float()


def optimizer_of():
    # The fused update is the fastest PyTorch has on a CPU; older releases do not know it.
    try:
        return torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, fused=True)
    except (TypeError, RuntimeError):
        return torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)


optimizer = optimizer_of()
forward = model
if mode == "compile":
    forward = torch.compile(model)


def step():
    optimizer.zero_grad()
    loss = loss_function(forward(x), y)
    loss.backward()
    optimizer.step()


try:
    for _ in range(20):
        step()
except Exception as error:  # torch.compile fails in many ways, all of which mean: no figure
    say(reason=f"{mode} failed: {type(error).__name__}: {str(error).splitlines()[0][:160]}")
    sys.exit(0)

say(ready=True, version=torch.__version__, capability=torch.backends.cpu.get_cpu_capability(), threads=torch.get_num_threads(), mode=mode)

for line in sys.stdin:
    words = line.split()
    if not words or words[0] != "run":
        break
    limit = float(words[1])
    steps = 0
    cpu = time.process_time()
    started = time.perf_counter()
    while time.perf_counter() - started < limit:
        for _ in range(4):
            step()
        steps += 4
    seconds = time.perf_counter() - started
    say(steps=steps, seconds=seconds, cpu=time.process_time() - cpu, memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
