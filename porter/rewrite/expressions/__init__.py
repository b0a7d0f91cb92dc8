"""Expressions: calls, attributes, operators, constructors."""
