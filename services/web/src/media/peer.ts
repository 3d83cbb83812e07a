/** One RTCPeerConnection with one audio section. aiortc has no ICE restart, so every recovery makes a new one. */

/** Host candidates are there at once; waiting for the rest would only cost time (measured: 120 ms). */
const GATHERING_CAP_MS = 150;

export interface Peer {
  connection: RTCPeerConnection;
  remote: MediaStream;
  offer: string;
}

export async function createPeer(microphone: MediaStream): Promise<Peer> {
  const connection = new RTCPeerConnection({ bundlePolicy: "max-bundle", rtcpMuxPolicy: "require" });
  const remote = new MediaStream();
  connection.addEventListener("track", ({ track }) => remote.addTrack(track));
  for (const track of microphone.getAudioTracks()) connection.addTrack(track, microphone);
  await connection.setLocalDescription(await connection.createOffer());
  await gathered(connection);
  return { connection, remote, offer: connection.localDescription?.sdp ?? "" };
}

function gathered(connection: RTCPeerConnection): Promise<void> {
  if (connection.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(finish, GATHERING_CAP_MS);
    connection.addEventListener("icegatheringstatechange", () => {
      if (connection.iceGatheringState === "complete") finish();
    });
  });
}

export async function answerPeer(peer: Peer, sdp: string): Promise<void> {
  await peer.connection.setRemoteDescription({ type: "answer", sdp });
}

export interface MediaFigures {
  packetsReceived: number;
  packetsSent: number;
  packetsLost: number;
  jitterMs: number;
  roundTripMs: number;
  /** Running sum of audio energy received; its growth proves sound (W3C webrtc-stats). */
  receivedEnergy: number;
  sentEnergy: number;
}

export async function readFigures(connection: RTCPeerConnection): Promise<MediaFigures> {
  const figures: MediaFigures = {
    packetsReceived: 0,
    packetsSent: 0,
    packetsLost: 0,
    jitterMs: 0,
    roundTripMs: 0,
    receivedEnergy: 0,
    sentEnergy: 0,
  };
  for (const report of (await connection.getStats()).values() as Iterable<Record<string, number | string>>) {
    const number = (name: string) => Number(report[name] ?? 0);
    if (report.type === "inbound-rtp") {
      figures.packetsReceived += number("packetsReceived");
      figures.packetsLost += number("packetsLost");
      figures.jitterMs = number("jitter") * 1000;
      figures.receivedEnergy += number("totalAudioEnergy");
    } else if (report.type === "outbound-rtp") figures.packetsSent += number("packetsSent");
    else if (report.type === "media-source") figures.sentEnergy += number("totalAudioEnergy");
    else if (report.type === "candidate-pair" && report.state === "succeeded") {
      figures.roundTripMs = number("currentRoundTripTime") * 1000;
    }
  }
  return figures;
}
