"""Passes: exact rewrites of the graph, one a module; `pipeline.PASSES` lists their order."""
