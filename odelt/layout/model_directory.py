"""The names of the files in a model directory. A model that a run starts from is known by the digest of its WEIGHTS."""

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
CURVE = "training.csv"  # of a model that was trained here
