"""From raw text to text that may be stored and read: clean, language, redact, segment."""
