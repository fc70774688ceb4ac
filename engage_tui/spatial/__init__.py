"""The acoustic scene and how it sounds: places, levels and directions, rendered for two ears.

Knows no network and no device.
"""
