"""What the pipeline runs on: the local stack, the sample region, the container and cluster set-ups."""
