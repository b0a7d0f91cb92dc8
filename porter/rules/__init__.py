"""The rules: what each torch name becomes in TensorFlow, declared once; two declarations for one name are an error."""
