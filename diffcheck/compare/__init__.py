"""Two tensors, two nested outputs, two trees of modules."""
