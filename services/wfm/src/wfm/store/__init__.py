"""Tables of wfm and the queries on them, by noun."""
