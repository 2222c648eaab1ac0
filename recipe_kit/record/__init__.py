"""The files of a run: versioned schemas, atomic writes, locks."""
