"""gRPC servicers of wfm, by noun."""
