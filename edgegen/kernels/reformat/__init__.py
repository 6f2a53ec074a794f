"""Kernels of the internal REFORMAT."""
