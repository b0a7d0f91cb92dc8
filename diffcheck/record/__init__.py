"""What one side did, as numpy."""
