/** One RTCPeerConnection with one audio section. aiortc has no ICE restart, so every recovery makes a new one. */

export interface Peer {
  connection: RTCPeerConnection;
  remote: MediaStream;
  offer: string;
  /** STUN's code of why a relay refused us (401: its credentials ran out or are wrong); undefined while none did. */
  relayRefused: number | undefined;
}

export interface Ways {
  iceServers: RTCIceServer[];
  /** Only by a relay, as behind a firewall that drops everything else late or badly. */
  relayOnly: boolean;
}

/** STUN and TURN errors of RFC 8489 14.8 begin at 300; 701 says that a server wasn't reached. */
const REFUSED = { from: 300, to: 699 };

/**
 * Nothing is waited for: our server learns where we are from our checks (they reach it from a relay too), so the offer
 * needs no candidates, and those that come later are paired as they come.
 */
export async function createPeer(microphone: MediaStream, ways: Ways): Promise<Peer> {
  const connection = new RTCPeerConnection({
    bundlePolicy: "max-bundle",
    rtcpMuxPolicy: "require",
    iceServers: ways.iceServers,
    iceTransportPolicy: ways.relayOnly ? "relay" : "all",
  });
  const remote = new MediaStream();
  const peer: Peer = { connection, remote, offer: "", relayRefused: undefined };
  connection.addEventListener("track", ({ track }) => remote.addTrack(track));
  connection.addEventListener("icecandidateerror", ({ errorCode }) => {
    if (errorCode >= REFUSED.from && errorCode <= REFUSED.to) peer.relayRefused = errorCode;
  });
  for (const track of microphone.getAudioTracks()) connection.addTrack(track, microphone);
  await connection.setLocalDescription(await connection.createOffer());
  peer.offer = connection.localDescription?.sdp ?? "";
  return peer;
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
  /** Whether sound goes over a relay; undefined before a way is found. */
  relayed: boolean | undefined;
}

type Report = Record<string, number | string | boolean>;

export async function readFigures(connection: RTCPeerConnection): Promise<MediaFigures> {
  const figures: MediaFigures = {
    packetsReceived: 0,
    packetsSent: 0,
    packetsLost: 0,
    jitterMs: 0,
    roundTripMs: 0,
    receivedEnergy: 0,
    sentEnergy: 0,
    relayed: undefined,
  };
  const reports = (await connection.getStats()) as unknown as Map<string, Report>;
  for (const report of reports.values()) {
    const number = (name: string) => Number(report[name] ?? 0);
    if (report.type === "inbound-rtp") {
      figures.packetsReceived += number("packetsReceived");
      figures.packetsLost += number("packetsLost");
      figures.jitterMs = number("jitter") * 1000;
      figures.receivedEnergy += number("totalAudioEnergy");
    } else if (report.type === "outbound-rtp") figures.packetsSent += number("packetsSent");
    else if (report.type === "media-source") figures.sentEnergy += number("totalAudioEnergy");
  }
  const pair = pairInUse(reports);
  if (pair) {
    figures.roundTripMs = Number(pair.currentRoundTripTime ?? 0) * 1000;
    figures.relayed = reports.get(String(pair.localCandidateId))?.candidateType === "relay";
  }
  return figures;
}

/** Several pairs may have been nominated. Not every browser names the one in use; then it is the newest of these. */
function pairInUse(reports: Map<string, Report>): Report | undefined {
  let found: Report | undefined;
  for (const report of reports.values()) {
    if (report.type === "transport" && report.selectedCandidatePairId)
      return reports.get(String(report.selectedCandidatePairId));
    if (report.type === "candidate-pair" && report.state === "succeeded" && report.nominated) found = report;
  }
  return found;
}
