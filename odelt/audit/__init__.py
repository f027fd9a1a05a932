"""Reads everything back: the chain from a file to its sources, what is stale, the audit page and the crate."""
