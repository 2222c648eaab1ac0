"""Questions from and to the formats of others; a round trip loses nothing."""
