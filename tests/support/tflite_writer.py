"""The writer of .tflite files under the name that tests know it by."""

from edgegen.export.flatbuffer import (
    OperatorSpec,
    OptionValue,
    TensorSpec,
    options_table,
    write_model,
)

__all__ = ["OperatorSpec", "OptionValue", "TensorSpec", "options_table", "write_model"]
