"""One file per format, with one :class:`~porter.export.declaration.Format` called `FORMAT`, found by itself."""
