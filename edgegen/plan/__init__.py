"""Planning: lifetimes, offsets in one arena, and an independent check of both."""
