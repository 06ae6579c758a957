"""How models are made, measured and packaged."""
