"""Kernels of QUANTIZE."""
