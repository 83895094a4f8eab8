"""What the API server knows of each kind: one `Row` a kind. Pure: documents in, documents out."""
