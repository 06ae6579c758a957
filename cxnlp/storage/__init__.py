"""Where comments, findings and receipts are kept: schema, store, snapshot."""
