"""Text out of models that predict the next token."""
