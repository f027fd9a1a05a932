"""Where weights come from: files that others made, read without trusting them."""
