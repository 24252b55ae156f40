"""Put an approved model into the model server as its canary."""
