"""Publishes one message: python publish.py [address]"""
import sys

import grpc

# Reads proto/ as it is; google/rpc comes from the package googleapis-common-protos.
sys.path.append("proto")
messages, services = grpc.protos_and_services("halley/v1/publish.proto")
message_pb2 = grpc.protos("halley/v1/message.proto")

address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051"
with grpc.insecure_channel(address) as channel:
    answer = services.PublishServiceStub(channel).Publish(
        messages.PublishRequest(channel="chat.lobby", message=message_pb2.Message(json='{"text":"hello from Python"}')),
        metadata=[("authorization", "Bearer halley-development-key")],
        timeout=5,
    )
print("published at", answer.position.offset)
