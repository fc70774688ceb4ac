"""Sound devices without hardware: a PulseAudio server of our own with null sinks, seen by PortAudio through ALSA."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

SPEAKER = "vspk"
"""A speaker whose sound can be recorded from `MONITOR`."""

MONITOR = "vspkmon"
"""A microphone that hears what `SPEAKER` plays."""

MICROPHONE = "vmic"
"""A microphone that hears what `MICROPHONE_IN` plays."""

MICROPHONE_IN = "vmicin"
"""A speaker that plays into `MICROPHONE`."""

_SCRIPT = """\
load-module module-native-protocol-unix auth-anonymous=1 socket={socket}
load-module module-null-sink sink_name=vspk norewinds=1 rate=48000 channels=2
load-module module-null-sink sink_name=vmic_in norewinds=1 rate=48000 channels=1
load-module module-remap-source source_name=vmic master=vmic_in.monitor
set-default-sink vspk
set-default-source vmic
"""
_ENTRY = 'pcm.{name} {{ type pulse device {device} hint {{ show on description "{name}" }} }}\n'
_DEVICES = {
    SPEAKER: "vspk",
    MONITOR: "vspk.monitor",
    MICROPHONE: "vmic",
    MICROPHONE_IN: "vmic_in",
}


def available() -> bool:
    """Whether PulseAudio and its ALSA plug-in are installed."""
    plugins = list(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so"))
    return shutil.which("pulseaudio") is not None and bool(plugins)


class VirtualSound:
    """A sound server for the ``with`` block; programs started with `env` see its devices.

    Attributes:
        env: The environment for those programs.
        process: The server; killing it is losing every device at once.
    """

    def __enter__(self) -> VirtualSound:
        self._home = Path(tempfile.mkdtemp(prefix="engage-tui-sound-"))
        path = self._home / "socket"
        (self._home / "script.pa").write_text(_SCRIPT.format(socket=path))
        lines = ["pcm.!default { type pulse }", "ctl.!default { type pulse }"]
        (self._home / ".asoundrc").write_text("\n".join(lines) + "\n")
        for name, device in _DEVICES.items():
            self.name(name, device)
        self.env = {
            **os.environ,
            "HOME": str(self._home),
            "XDG_RUNTIME_DIR": str(self._home),
            "PULSE_SERVER": f"unix:{path}",
            "ENGAGE_TUI_LOG": str(self._home / "log"),
        }
        self.start()
        return self

    def start(self) -> None:
        """Start the server; once more after `kill`."""
        self.process = subprocess.Popen(
            ["pulseaudio", "-n", "-F", str(self._home / "script.pa")]
            + ["--daemonize=no", "--exit-idle-time=-1"],
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._wait_for(self._home / "socket")
        except BaseException:
            self.__exit__()
            raise

    def kill(self) -> None:
        """Lose every device at once."""
        self.process.kill()
        self.process.wait()
        (self._home / "socket").unlink(missing_ok=True)

    def ask(self, *words: str) -> str:
        """Have ``pactl`` do something; what it says."""
        done = subprocess.run(
            ["pactl", *words], env=self.env, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def name(self, device: str, target: str) -> None:
        """Let programs that start from now on see a device of the server under a name of its own."""
        with (self._home / ".asoundrc").open("a") as file:
            file.write(_ENTRY.format(name=device, device=target))

    def log(self) -> str:
        """What programs, and the sound libraries in them, wrote into their log."""
        log = self._home / "log"
        return log.read_text(errors="replace") if log.exists() else ""

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self._home, ignore_errors=True)

    def _wait_for(self, path: Path) -> None:
        end = time.monotonic() + 10
        while self.process.poll() is None and time.monotonic() < end:
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(str(path)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError("PulseAudio does not start")
