"""The `driving` world: short dash-cam clips, planned first, then drawn and annotated."""
