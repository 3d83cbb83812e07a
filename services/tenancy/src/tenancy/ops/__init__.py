"""The verbs of tenancy, each within one transaction. What begins without a tenant runs in a system transaction."""
