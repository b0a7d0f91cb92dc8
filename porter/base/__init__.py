"""What everything else stands on: errors, the console, files."""
