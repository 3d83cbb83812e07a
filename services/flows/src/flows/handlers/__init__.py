"""gRPC servicers: message -> verb -> message. No rule, no SQL."""
