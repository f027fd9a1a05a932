"""What rehearses the paper's suite without the world: a stand-in network."""
