"""Tenants, brands, users, roles, sessions, plans, numbers and the audit log."""
