"""KPI read models and the wallboard."""
