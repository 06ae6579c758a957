"""Who owns a finding, and why."""
