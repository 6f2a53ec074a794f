"""Post-training quantisation: a float graph and samples of its inputs become an int8 graph.

`quantise.py` is the whole of it in order; every step is a module of its own.
"""
