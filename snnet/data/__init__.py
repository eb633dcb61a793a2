"""Images: datasets in memory, images that timm reads, preprocessing, mixing, and where they are."""
