"""The vocabulary every service shares. Standard library only, and small on purpose."""
