"""From a subject to a proven port: trace, rewrite, write, verify."""
