"""Where networks are made: data, augmentation, architectures, fit, evaluate, calibrate, export.

The only package that uses TensorFlow, and only inside functions: importing it costs nothing, and training
without TensorFlow says which command installs it. The way of a network:

    datasets --augment, junk, crossed--> samples (n, 28, 28) --fit--> Keras model
         --calibrate--> temperature and threshold --export--> NAME.keras, NAME.onnx, NAME.json
"""

from scanner.training.session import TrainOptions, TrainResult, train

__all__ = ["TrainOptions", "TrainResult", "train"]
