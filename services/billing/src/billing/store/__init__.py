"""Tables of billing and the queries on them; rows to domain values and back."""
