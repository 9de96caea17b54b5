"""Where networks are made: data, augmentation, architectures, fit, evaluate, calibrate, export.

The only package that uses TensorFlow, and only inside functions: importing it costs nothing, and training
without TensorFlow says which command installs it. The way of a network:

    datasets --augment, junk, crossed--> samples (n, 28, 28) --fit--> Keras model
         --calibrate--> temperature and threshold --export--> NAME.keras, NAME.onnx, NAME.json

and of one that reads whole lines (n, 32, w): digits --string_samples--> lines --string_fit--> the same files.
"""

from scanner.training.session import TrainOptions, TrainResult, train
from scanner.training.string_session import STRINGS, StringOptions, StringResult, train_strings

__all__ = ["STRINGS", "StringOptions", "StringResult", "TrainOptions", "TrainResult", "train", "train_strings"]
