"""The pages: they lay out what the analysis worked out, and compute nothing."""
