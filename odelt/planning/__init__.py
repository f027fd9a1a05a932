"""Around a run: what its rules ask of the suite, what is missing, what it costs, how it ends, what can be removed."""
