"""The acoustic scene: where listener and voices are, and what that does to their gains."""
