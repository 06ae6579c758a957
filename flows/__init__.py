"""Prefect flows; the only place that knows Prefect. Settings stand here because Prefect reads them when imported."""

import os

# A first start of the ephemeral server builds its database and needs more than the default 20 seconds.
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
