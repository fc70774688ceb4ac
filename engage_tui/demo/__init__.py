"""The people of the demo: drawn faces, spoken voices, small scripts."""
