"""What billing keeps in memory and does by itself: decks that are read, sweeps, the reconciler."""
