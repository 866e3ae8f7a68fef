"""From the start of the process to one finished training step, and the memory after a second of training. Prints one JSON line."""

import json
import resource
import sys
import time

try:
    import torch
except ImportError as error:
    print(json.dumps({"reason": f"PyTorch is not installed ({error}); run bench/peers/setup.sh"}))
    sys.exit(0)

from models import CnnLstm

torch.set_num_threads(1)
model = CnnLstm(48, 9)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
x = torch.randn(32, 48, 9)
y = (torch.rand(32, 1) < 0.3).float()


def step():
    optimizer.zero_grad()
    torch.nn.functional.binary_cross_entropy_with_logits(model(x), y).backward()
    optimizer.step()


step()
print(json.dumps({"stepped": True, "version": torch.__version__}), flush=True)
until = time.perf_counter() + float(sys.argv[1])
while time.perf_counter() < until:
    step()
print(json.dumps({"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
