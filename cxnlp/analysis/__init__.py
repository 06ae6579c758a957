"""What a comment says: the Analyser protocol and the analysers behind it."""
