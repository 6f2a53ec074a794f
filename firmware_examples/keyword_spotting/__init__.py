"""A keyword spotter: how its data are made, how it is trained, and its firmware."""
