"""A published page, checked against the answers it stands on."""
