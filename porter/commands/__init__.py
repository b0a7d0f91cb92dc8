"""One file per command: a function with the file's name, whose parameters are the options.

`porter.cli` finds them by themselves. Heavy imports belong inside the functions.
"""
