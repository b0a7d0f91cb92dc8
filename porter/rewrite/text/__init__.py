"""From the rewritten tree to the text of a file."""
