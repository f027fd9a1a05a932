"""The names of the files in a model directory."""

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
CURVE = "training.csv"  # of a model that was trained here
