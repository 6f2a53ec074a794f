"""edgegen: compile INT8 neural networks to exact, self-contained C for microcontrollers."""

__version__ = "0.1.0"
