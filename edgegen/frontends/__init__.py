"""Front ends: a model file in, a neutral `RawGraph` out, then a typed `Graph`."""
