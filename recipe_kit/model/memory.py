"""How too little memory shows itself."""

import torch

# torch reports a full GPU with a class of its own; a full CPU, and a GPU that has no room for a
# library's workspace, or that other programs have filled, only in words.
_WORDS = (
    "allocate memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED",
    "CUDA error: out of memory",
)


def is_memory_error(error: Exception) -> bool:
    """Whether an error says that the memory was not enough."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _WORDS)
