"""The machine that a process runs on: devices, signals and logs, the surroundings, how JAX computes, measured rates."""
