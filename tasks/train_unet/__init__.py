"""A U-Net on the tiles of one or more regions, exported for serving."""
