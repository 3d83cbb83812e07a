// grpc-probe ADDRESS asks a gRPC server's health check, as a kubelet's own gRPC probe does since 1.24: exit code 0 when it
// serves. Built within Kubernetes' source tree, whose copy of gRPC it uses.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
)

func main() {
	if err := ask(os.Args[1]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func ask(address string) error {
	within, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	connection, err := grpc.DialContext(within, address, grpc.WithInsecure(), grpc.WithBlock())
	if err != nil {
		return err
	}
	defer connection.Close()
	answer, err := grpc_health_v1.NewHealthClient(connection).Check(within, &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		return err
	}
	if answer.Status != grpc_health_v1.HealthCheckResponse_SERVING {
		return fmt.Errorf("says %v", answer.Status)
	}
	return nil
}
