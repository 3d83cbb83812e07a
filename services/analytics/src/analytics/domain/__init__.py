"""Counting rules: what a contact adds to which interval, and the one formula of each KPI."""
