"""What a comparison was asked for, and its two sides."""
