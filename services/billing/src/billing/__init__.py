"""Meters, rating, subscriptions and invoices."""
