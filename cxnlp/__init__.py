"""cxnlp reads what customers write and tells each department what to fix."""
