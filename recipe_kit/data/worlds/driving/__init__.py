"""The `driving` world: short dash-cam clips, planned first, then drawn and annotated.

    knobs ─► plan.plan ─► scene.Scene ─┬─► painter.draw_clip ─► clip.write_clip
                                       ├─► labels.labels
                                       ├─► captions.caption
                                       └─► annotations.human, .cv, .reasoning

A plan decides everything that labels tell of, and has no pixels; what could not be seen in the
clip is taken out of it (`sight`). Pictures and annotations both follow from it, so labels are
true by construction. Scenery, rain and noise are decoration with their own random streams.
"""
