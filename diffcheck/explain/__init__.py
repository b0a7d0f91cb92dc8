"""Inside the wrong module: the statement and the cause."""
