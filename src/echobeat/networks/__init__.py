"""Networks by name, published checkpoints, export to ONNX."""
