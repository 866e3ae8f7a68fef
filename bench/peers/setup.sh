#!/bin/sh
# Installs what the peers of the bench need, outside the project: PyTorch, numpy and scikit-learn in a virtual environment, and
# TensorFlow.js beside it. PyPI's Linux build of PyTorch carries CUDA libraries (about 3 GB on disk) although only the CPU is used.
# Folder: $MILLWRIGHT_PEERS, else ~/.cache/millwright/peers-venv.
set -eu
folder=${MILLWRIGHT_PEERS:-$HOME/.cache/millwright/peers-venv}
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet torch numpy scikit-learn
mkdir -p "$folder/tfjs"
npm install --silent --no-audit --no-fund --prefix "$folder/tfjs" @tensorflow/tfjs
"$folder/bin/python" -c 'import torch; print("PyTorch", torch.__version__, "in", __import__("sys").prefix)'
