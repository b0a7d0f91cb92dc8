"""Statements and expressions that are recognised by their form; two forms that match one node are an error."""
