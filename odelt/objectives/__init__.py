"""What the network is trained towards (SPEC 4): rows of (x_t, t, d, y) with the velocity each is regressed on."""
