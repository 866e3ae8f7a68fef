#!/bin/sh
# Installs Flower for `npm run bench -- flower` into a virtual environment of its own outside the project, so that its size can be told.
# Folder: $MILLWRIGHT_PEERS/flower, else ~/.cache/millwright/peers-venv/flower.
set -eu
folder=${MILLWRIGHT_PEERS:-$HOME/.cache/millwright/peers-venv}/flower
mkdir -p "$(dirname "$folder")"
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet flwr
"$folder/bin/python" -c 'import importlib.metadata as m; print("Flower", m.version("flwr"), "in", __import__("sys").prefix)'
