"""Golden vectors, the numpy reference over a graph, and its comparison with compiled C."""
