"""Rules of workforce management: history, forecasts, staffing. Pure; numbers by numpy."""
