"""Devices and frames: microphone, camera, screen, files and patterns behind one `FrameSource`; the speaker; scaling.

The only user of sounddevice and cv2, both imported when a device is first asked for.
"""
