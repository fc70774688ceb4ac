// What a page can be told to do. Each function runs inside the page, so it stands alone.

// Connect; `single` asks for one connection for both directions (LiveKit's path v1) or for two (v0).
export async function join({ url, token, single = true }) {
  const { Room, RoomEvent } = window.LivekitClient;
  const room = new Room({ singlePeerConnection: single });
  const state = { messages: [], chat: [], events: [] };
  window.call = { room, state };
  room.on(RoomEvent.DataReceived, (bytes, who, _kind, topic) =>
    state.messages.push([new TextDecoder().decode(bytes), who?.identity ?? "", topic ?? ""]));
  room.registerTextStreamHandler("lk.chat", async (reader, who) =>
    state.chat.push([await reader.readAll(), who.identity]));
  room.on(RoomEvent.TrackSubscribed, (track) => document.body.appendChild(track.attach()));
  for (const name of [
    "ParticipantConnected", "ParticipantDisconnected", "TrackPublished", "TrackUnpublished", "TrackMuted",
    "TrackUnmuted", "SignalReconnecting", "Reconnecting", "Reconnected", "Disconnected",
  ]) room.on(RoomEvent[name], () => state.events.push(name));
  await room.connect(url, token);
}

// Camera and microphone, as a page has them by default.
export async function publish() {
  await window.call.room.localParticipant.enableCameraAndMicrophone();
}

// A camera of three layers, as small as livekit-client makes three of, and the microphone.
export async function publishLayers() {
  const { VideoPreset } = window.LivekitClient;
  const me = window.call.room.localParticipant;
  await me.setMicrophoneEnabled(true);
  await me.setCameraEnabled(true, { resolution: { width: 960, height: 540, frameRate: 15 } }, {
    simulcast: true,
    videoCodec: "vp8",
    videoEncoding: { maxBitrate: 600_000, maxFramerate: 15 },
    degradationPreference: "maintain-resolution",
    videoSimulcastLayers: [new VideoPreset(160, 90, 60_000, 15), new VideoPreset(320, 180, 120_000, 15)],
  });
}

// A camera whose layers travel in one stream, and no other codec in its place; false where the browser cannot encode it.
export async function publishInOneStream({ codec, mode }) {
  const wanted = `video/${codec.toUpperCase()}`;
  if (!RTCRtpSender.getCapabilities("video").codecs.some(({ mimeType }) => mimeType === wanted)) return false;
  const resolution = { width: 640, height: 360, frameRate: 15 };
  await window.call.room.localParticipant.setCameraEnabled(true, { resolution }, {
    videoCodec: codec,
    scalabilityMode: mode,
    backupCodec: false,
    videoEncoding: { maxBitrate: 500_000, maxFramerate: 15 },
  });
  return true;
}

// Ask for a quality of everybody's camera: 0 low, 1 medium, 2 high.
export function quality({ wanted }) {
  for (const person of window.call.room.remoteParticipants.values())
    for (const publication of person.videoTrackPublications.values()) publication.setVideoQuality(wanted);
}

// Ask for so many pictures a second of everybody's camera.
export function fps({ wanted }) {
  for (const person of window.call.room.remoteParticipants.values())
    for (const publication of person.videoTrackPublications.values()) publication.setVideoFPS(wanted);
}

export async function mute({ muted }) {
  await window.call.room.localParticipant.setMicrophoneEnabled(!muted);
  await window.call.room.localParticipant.setCameraEnabled(!muted);
}

export async function send({ text, topic, reliable = true }) {
  await window.call.room.localParticipant.publishData(new TextEncoder().encode(text), { reliable, topic });
}

export async function chat({ text }) {
  await window.call.room.localParticipant.sendText(text, { topic: "lk.chat" });
}

export async function simulate({ scenario }) {
  await window.call.room.simulateScenario(scenario);
}

export async function leave() {
  await window.call.room.disconnect();
}

export async function report() {
  const { room, state } = window.call;
  const tracks = [];
  for (const person of room.remoteParticipants.values())
    for (const { track, source, isMuted } of person.trackPublications.values()) {
      const found = { identity: person.identity, source, muted: isMuted, frames: 0, width: 0, energy: 0, duration: 0, frozen: 0, keys: 0, codec: "", way: [] };
      const stats = await track?.getRTCStatsReport();
      for (const entry of stats?.values() ?? [])
        if (entry.type === "inbound-rtp") {
          found.frames = entry.framesDecoded ?? 0;
          found.width = entry.frameWidth ?? 0;
          found.frozen = entry.freezeCount ?? 0;
          found.keys = entry.keyFramesDecoded ?? 0;
          found.energy = entry.totalAudioEnergy ?? 0;
          found.duration = entry.totalSamplesDuration ?? 0;
          found.codec = stats.get(entry.codecId)?.mimeType ?? "";
          // By which protocol it comes, and from which address.
          const pair = stats.get(stats.get(entry.transportId)?.selectedCandidatePairId);
          const remote = stats.get(pair?.remoteCandidateId);
          found.way = remote ? [remote.protocol, remote.address] : [];
        }
      tracks.push(found);
    }
  const people = [...room.remoteParticipants.keys()];
  return { state: room.state, sid: room.localParticipant.sid, people, tracks, ...state };
}
