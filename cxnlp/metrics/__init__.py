"""The customer-experience metrics: NPS, CSAT."""
