"""One process a file: wiring only. Services meet on topics and never import each other."""
