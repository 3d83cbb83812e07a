"""Queues, skills, agents, contacts and offers."""
