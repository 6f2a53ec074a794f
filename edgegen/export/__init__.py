"""Writes model files."""
