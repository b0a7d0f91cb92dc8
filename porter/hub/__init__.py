"""Repositories on the Hub: fetching from them, proposing to them, what their configurations say."""
