"""Where a run is, in words."""

from dataclasses import replace

from recipe_kit.run.layout import Layout


def describe(places: Layout) -> str:
    """One or two lines about the run at these places."""
    facts = places.run.read_status()
    holder = places.run.holder()
    places = replace(places, processes=facts.get("processes", 1))
    command = places.run_command(facts.get("overrides", ()))
    if not facts:
        return f"{places.run.slug}: not started. To start it: {command}"
    where = " ".join(part for part in (facts.get("stage"), facts.get("progress")) if part)
    if holder is not None:
        return f"{places.run.slug}: running (process {holder}), {where}, at {facts.get('time')}"
    if facts.get("state") == "finished":
        return f"{places.run.slug}: finished at {facts.get('time')}. Its page: {places.page}"
    how = {"interrupted": "interrupted", "failed": "failed"}.get(str(facts.get("state")), "killed")
    return f"{places.run.slug}: {how} in {where or 'its first stage'}. To go on: {command}"
