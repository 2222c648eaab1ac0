"""The `driving` world: short dash-cam clips, planned first, then drawn, annotated and asked about.

    knobs ─► plan.plan ─► scene.Scene ─┬─► painter.draw_clip ─► clip.write_clip
                                       ├─► labels.labels ─► question_pool.choose
                                       ├─► captions.caption
                                       └─► annotations.human, .cv, .reasoning

A plan decides everything that labels tell of, and has no pixels; what could not be seen in the
clip is taken out of it (`sight`). Pictures and annotations both follow from it, so labels are
true by construction. Scenery, rain and noise are decoration with their own random streams.
"""
