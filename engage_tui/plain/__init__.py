"""The line mode: one JSON object a line, over the same engine as the screen."""
