"""Workforce management: history, forecasts, staffing."""
