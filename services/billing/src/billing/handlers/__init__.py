"""gRPC servicers of billing: request to command to verb to answer."""
