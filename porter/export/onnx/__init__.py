"""What becomes of a graph between the exporter and the ONNX file: names, opset, weights, other versions of it."""
