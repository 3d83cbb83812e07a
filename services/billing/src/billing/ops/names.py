"""What companies and their brands are called."""

from billing.store import names as store

save = store.save
every = store.every
