"""What was found, as text, JSON, a page, JUnit."""
