"""Rules of tenancy: fields, roles, limits, secrets' shapes and lives. No database, no wire."""
