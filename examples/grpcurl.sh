grpcurl -plaintext -H 'authorization: Bearer halley-development-key' \
  -d '{"channel":"chat.lobby","message":{"json":"{\"text\":\"hello from grpcurl\"}"}}' \
  127.0.0.1:50051 halley.v1.PublishService/Publish
