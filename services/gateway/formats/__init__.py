"""Contents in the formats clients ask for: which there are, which is meant, how each is made."""
