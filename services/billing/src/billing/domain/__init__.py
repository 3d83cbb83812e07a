"""Rating and invoicing rules. Exact: Decimal and fractions, no float, one rounding."""
