"""Rules of routing: values in, values out. No clock, no database, no wire."""
