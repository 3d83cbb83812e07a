"""Tables and queries of tenancy."""
