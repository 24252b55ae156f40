"""A region's probability map, through the model server at a pinned version."""
