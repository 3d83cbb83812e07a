"""Tables of schema `routing` and the queries on them; rows become domain values here and nowhere else."""
