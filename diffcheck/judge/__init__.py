"""Which module is wrong by itself."""
