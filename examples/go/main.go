// Publishes one message: go run . [address]
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	halley "example.com/backend/gen/halley/v1"
)

func main() {
	address := "127.0.0.1:50051"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer halley-development-key")
	answer, err := halley.NewPublishServiceClient(connection).Publish(ctx, &halley.PublishRequest{
		Target:  &halley.PublishRequest_Channel{Channel: "chat.lobby"},
		Message: &halley.Message{Payload: &halley.Message_Json{Json: `{"text":"hello from Go"}`}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("published at", answer.GetPosition().GetOffset())
}
