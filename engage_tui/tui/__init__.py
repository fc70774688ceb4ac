"""The Textual screens; draws what the engine's views say. The only user of textual."""
