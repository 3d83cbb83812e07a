/** What the browser says of the network under us: it came back, or it is another one. Shared with the widget. */

interface Connection extends EventTarget {
  type?: string;
}

/** Calls `changed` when the network is another than before; the returned function stops that. */
export function onNetworkChange(changed: () => void): () => void {
  // Not in every browser; its estimates change all the time, its type only with the network.
  const connection = (navigator as Navigator & { connection?: Connection }).connection;
  let type = connection?.type;
  const typeChanged = () => {
    if (connection?.type === type) return;
    type = connection?.type;
    changed();
  };
  window.addEventListener("online", changed);
  connection?.addEventListener?.("change", typeChanged);
  return () => {
    window.removeEventListener("online", changed);
    connection?.removeEventListener?.("change", typeChanged);
  };
}

/** Calls `lost` when the connection's way to the server no longer answers (RFC 7675: its checks go unanswered). */
export function onPathLost(connection: RTCPeerConnection, lost: () => void): void {
  connection.addEventListener("iceconnectionstatechange", () => {
    if (["disconnected", "failed"].includes(connection.iceConnectionState)) lost();
  });
}
