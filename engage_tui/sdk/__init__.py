"""Engage's API: Space, Room, participants, publications, tracks, events, devices, the audio connection manager."""
