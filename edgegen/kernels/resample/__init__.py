"""Kernels of RESAMPLE."""
