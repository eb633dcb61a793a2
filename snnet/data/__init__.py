"""Images: datasets in memory or read by timm, preprocessing, augmentation, and where they are."""
