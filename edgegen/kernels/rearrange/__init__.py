"""Kernels of REARRANGE."""
