"""The names of the folders in a suite's results. No experiment may have such a name."""

# Of a suite.
SOURCES, DATASETS = "sources", "datasets"
LOGS, BENCHMARKS, CHECKPOINTS, SO_FAR = "logs", "benchmarks", "checkpoints", "so-far"
OF_SUITE = (SOURCES, DATASETS, LOGS, BENCHMARKS, CHECKPOINTS, SO_FAR)
# Of an experiment.
MODELS, SAMPLES, STATISTICS, PICTURES = "models", "samples", "statistics", "pictures"
FEATURES, SCORES, LATENCY, TABLES, FIGURES = "features", "scores", "latency", "tables", "figures"
OF_EXPERIMENT = (MODELS, SAMPLES, STATISTICS, PICTURES, FEATURES, SCORES, LATENCY, TABLES, FIGURES)
