"""What was converted and proven, in words."""
