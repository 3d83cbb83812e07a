"""gRPC servicers of tenancy: request to command to verb to answer."""
