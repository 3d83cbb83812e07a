"""What whoever runs Merkez looks at and does from a terminal."""
