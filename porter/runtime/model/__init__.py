"""The base of ported models: calling, building, naming, training, saving."""
