"""Tables and figures, derived from the files that the evaluation wrote and from nothing else."""
