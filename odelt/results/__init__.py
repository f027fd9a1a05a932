"""The numbers that were measured, as rows: joined over seeds, compared with published ones, judged."""
