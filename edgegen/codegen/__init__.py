"""Code generation: a Plan in, the text of C files out."""
