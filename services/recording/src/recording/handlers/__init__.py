"""gRPC servicers of recording."""
