"""How a suite names its things: runs and grid points, the paths of their files, and which of those may be removed."""
