"""Two regions, of which one is lost: killed at once, or cut off without a word."""
