"""Before and after a run: what is missing, what it costs, how it ends, and what can be removed."""
