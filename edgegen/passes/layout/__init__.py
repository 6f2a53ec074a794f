"""Gives every tensor an order of bytes so that transpositions vanish or become cheap.

`order` is the algebra of orders, `rules` says which orders an operator can work with, `assign`
chooses one for every operator, `rewrite` makes the new graph.
"""

from edgegen.passes.layout.rewrite import assign_layouts

__all__ = ["assign_layouts"]
