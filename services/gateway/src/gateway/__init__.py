"""The public edge: REST, gRPC, WebSocket, sign-in and the web app's files."""
