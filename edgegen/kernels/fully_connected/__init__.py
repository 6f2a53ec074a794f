"""Kernels of FULLY_CONNECTED."""
