"""Kernels of TOP_K."""
