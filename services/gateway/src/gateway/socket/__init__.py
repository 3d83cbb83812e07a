"""Live connections: agents', supervisors' and partners' at /v1/socket, customers' at /widget/v1/socket."""
