"""What a GPU is measured on: evaluation, training, several of them, decoding."""
