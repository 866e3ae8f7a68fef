"""Runs the rounds without evaluation and notes the moment and the loss of each."""

import json
import time

import numpy as np
from flwr.app import ArrayRecord, Context
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

app = ServerApp()


class Noted(FedAvg):
    """FedAvg that writes down when each round was aggregated."""

    def note(self, **fields):
        with open(self.marks, "a") as file:
            file.write(json.dumps({"time": time.time(), **fields}) + "\n")

    def aggregate_train(self, server_round, replies):
        arrays, metrics = super().aggregate_train(server_round, replies)
        self.note(round=server_round, loss=None if metrics is None else metrics.get("loss"), arrays=arrays is not None)
        return arrays, metrics


@app.main()
def main(grid: Grid, context: Context) -> None:
    config = context.run_config
    nodes = int(config["nodes"])
    strategy = Noted(fraction_train=1.0, fraction_evaluate=0.0, min_train_nodes=nodes, min_available_nodes=nodes)
    strategy.marks = str(config["marks"])
    strategy.note(began=True)
    initial = ArrayRecord([np.zeros(int(config["parameters"]), np.float32)])
    strategy.start(grid=grid, initial_arrays=initial, num_rounds=int(config["rounds"]))
    strategy.note(ended=True)
