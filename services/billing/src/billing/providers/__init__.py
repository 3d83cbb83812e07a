"""Adapters to the programs of others: each speaks one of our ports, and only runs where it is set up."""
