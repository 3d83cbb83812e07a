/** When the new one of two connections may take the old one's place, so that nothing is missed between them. */

/** Longer than any handshake that is still to succeed. */
const CAP_MS = 3000;

/** Resolves once the connection carries media, or won't any more. */
export function standing(connection: RTCPeerConnection): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (["new", "connecting"].includes(connection.connectionState)) return;
      clearTimeout(timer);
      connection.removeEventListener("connectionstatechange", look);
      resolve();
    };
    const timer = setTimeout(resolve, CAP_MS);
    connection.addEventListener("connectionstatechange", look);
    look();
  });
}
