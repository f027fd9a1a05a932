"""What a sample set is worth (SPEC 6): features, Fréchet distance, agreement with the asked labels, latency."""
