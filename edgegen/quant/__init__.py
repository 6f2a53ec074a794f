"""Fixed-point arithmetic and quantisation."""
