"""Training: one compiled step, and the loop around it that can be interrupted anywhere."""
