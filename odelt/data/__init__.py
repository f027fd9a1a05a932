"""Datasets (SPEC 7) and the loader that deals them out in batches."""
