// A browser in a room: LiveKit's own web client in Chromium, with Chromium's fake camera and microphone.
// Usage: node browser.mjs CHROMIUM URL TOKEN.  Twice a second a line of JSON on stdout; ends with its standard input.
import { chromium } from "playwright-core";
import { once } from "node:events";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

const [executablePath, url, token] = process.argv.slice(2);
const client = fileURLToPath(new URL("node_modules/livekit-client/dist/livekit-client.umd.js", import.meta.url));
const browser = await chromium.launch({
  executablePath,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
  ],
});

// Cameras, microphones and servers of this machine are only open to pages that came from this machine.
const pages = createServer((_, answer) => answer.setHeader("content-type", "text/html").end("<body></body>"));
await once(pages.listen(0, "127.0.0.1"), "listening");

// Runs in the page.
async function join({ url, token }) {
  const { Room, RoomEvent } = window.LivekitClient;
  const room = new Room();
  const state = { messages: [], events: [] };
  window.call = { room, state };
  room.on(RoomEvent.DataReceived, (bytes, who, _kind, topic) =>
    state.messages.push([new TextDecoder().decode(bytes), who?.identity ?? "", topic ?? ""]));
  room.on(RoomEvent.TrackSubscribed, (track) => document.body.appendChild(track.attach()));
  for (const name of ["ParticipantConnected", "TrackPublished", "TrackUnpublished", "TrackMuted", "Disconnected"])
    room.on(RoomEvent[name], () => state.events.push(name));
  await room.connect(url, token);
  await room.localParticipant.enableCameraAndMicrophone();
  await room.localParticipant.publishData(new TextEncoder().encode("hello from a browser"), { reliable: true, topic: "greeting" });
}

async function report() {
  const { room, state } = window.call;
  const tracks = [];
  for (const person of room.remoteParticipants.values())
    for (const { track, source, isMuted } of person.trackPublications.values()) {
      const found = { identity: person.identity, source, muted: isMuted, frames: 0, width: 0, energy: 0, duration: 0 };
      for (const entry of (await track?.getRTCStatsReport())?.values() ?? [])
        if (entry.type === "inbound-rtp") {
          found.frames = entry.framesDecoded ?? 0;
          found.width = entry.frameWidth ?? 0;
          found.energy = entry.totalAudioEnergy ?? 0;
          found.duration = entry.totalSamplesDuration ?? 0;
        }
      tracks.push(found);
    }
  return { state: room.state, tracks, messages: state.messages, events: state.events };
}

let ended = false;
process.stdin.on("end", () => (ended = true)).resume();
try {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${pages.address().port}/`);
  await page.addScriptTag({ path: client });
  await page.evaluate(join, { url, token });
  while (!ended) {
    process.stdout.write(JSON.stringify(await page.evaluate(report)) + "\n");
    await new Promise((done) => setTimeout(done, 500));
  }
  await page.evaluate(() => window.call.room.disconnect());
} finally {
  await browser.close();
  pages.close();
}
