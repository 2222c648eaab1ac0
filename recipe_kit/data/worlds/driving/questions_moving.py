"""Questions that take the whole clip: motion, the ego vehicle, space and time."""

from recipe_kit.data.worlds.driving.question import COUNTS, WAYS, PoolQuestion, ask


def motion_questions() -> tuple[PoolQuestion, ...]:
    """Actions & Motion: 8."""
    name = "Actions & Motion"
    return (
        ask(name, "lead_behavior", "What does the vehicle ahead in the ego vehicle's lane do?",
             "lead_behavior", {"none": "There is no vehicle ahead", "brakes": "It brakes",
                               "drives on": "It drives on at a steady speed",
                               "accelerates": "It moves off or accelerates",
                               "stands": "It stands still all the time"}, required=True),
        ask(name, "lead_gap", "How does the distance to the vehicle ahead change over the clip?",
             "lead_gap", {"none": "There is no vehicle ahead", "shrinks": "It becomes smaller",
                          "grows": "It becomes larger", "stays": "It stays about the same"}),
        ask(name, "oncoming", "How many motor vehicles come toward the ego vehicle on its road?",
             "oncoming",
             {"0": "None", "1": "One", "2": "Two"}, "Three or more", usual="0"),
        ask(name, "crossing", "How does a vehicle cross on the other road ahead?", "crossing",
             WAYS | {"none": "No vehicle crosses"}, "It stands across the road", usual="none"),
        ask(name, "neighbor", "What does a vehicle in the next lane of the same direction do?",
             "neighbor", {"none": "There is no such vehicle",
                          "overtakes": "It overtakes the ego vehicle",
                          "is passed": "The ego vehicle passes it",
                          "keeps pace": "It keeps pace with the ego vehicle"}, usual="none"),
        ask(name, "pedestrian_action", "What do the pedestrians do?", "pedestrian_action",
             {"none": "There are none", "walks": "They walk along the road",
              "stands": "They stand beside the road", "crosses": "They cross the road"}),
        ask(name, "light_change", "How does the traffic light change during the clip?", "light",
             {"none": "There is no traffic light", "red": "It stays red",
              "green": "It stays green", "red then green": "It turns from red to green"},
             usual="none"),
        ask(name, "moving", "How many other vehicles, without bicycles, are moving?", "moving",
             COUNTS),
    )  # fmt: skip


def ego_questions() -> tuple[PoolQuestion, ...]:
    """Ego Vehicle Behavior: 7."""
    name = "Ego Vehicle Behavior"
    return (
        ask(name, "ego_maneuver", "What is the main maneuver of the ego vehicle?",
             "ego_maneuver",
             {"straight": "It drives straight on", "left turn": "It turns left at a junction",
              "right turn": "It turns right at a junction",
              "left bend": "It follows a bend to the left",
              "right bend": "It follows a bend to the right",
              "left lane change": "It changes to the lane on its left",
              "right lane change": "It changes to the lane on its right",
              "stop": "It drives and then stops", "wait": "It stands still all the time",
              "move off": "It stands and then moves off straight ahead"}, required=True),
        ask(name, "ego_turn", "Does the ego vehicle turn at a junction?", "ego_turn",
             {"none": "No", "left": "Yes, to the left", "right": "Yes, to the right"},
             "Yes, it turns around", usual="none"),
        ask(name, "ego_speed", "How does the speed of the ego vehicle develop?", "ego_speed",
             {"steady": "It stays about the same", "accelerates": "It becomes faster",
              "slows down": "It becomes slower, without stopping",
              "stops": "It falls until the vehicle stands", "stands": "It is zero all the time"}),
        ask(name, "ego_stop", "Does the ego vehicle stand still at any time?", "ego_stop",
             {"does not stop": "No, it always moves", "stops": "Yes, at the end",
              "moves off": "Yes, at the beginning", "stands": "Yes, all the time"},
             usual="does not stop"),
        ask(name, "ego_lane_change", "Does the ego vehicle change its lane?", "ego_lane_change",
             {"none": "No", "left": "Yes, to the left", "right": "Yes, to the right"},
             "Yes, to the left and back again", usual="none"),
        ask(name, "ego_reason", "Why does the ego vehicle slow down, stop or stand?",
             "ego_reason",
             {"none": "For nothing and nobody in view", "red light": "For a red light",
              "stop sign": "For a stop sign", "pedestrian": "For pedestrians on a crosswalk",
              "vehicle ahead": "For the vehicle ahead", "turn": "For its turn"}),
        ask(name, "ego_at_junction", "What does the ego vehicle do at the junction?",
             "ego_at_junction",
             {"no junction": "There is no junction", "straight": "It goes straight ahead",
              "left turn": "It turns left", "right turn": "It turns right",
              "stops": "It stops or stands before it"}, usual="no junction"),
    )  # fmt: skip


def space_questions() -> tuple[PoolQuestion, ...]:
    """Spatial & Temporal: 6."""
    name = "Spatial & Temporal"
    sides = ("left", "right")
    return (
        ask(name, "nearest_vehicle", "Where is the nearest motor vehicle when the clip begins?",
             "nearest_vehicle", {"none": "There is none in view", "ahead": "Straight ahead",
                                 "left": "On the left", "right": "On the right"}, required=True),
        ask(name, "road_direction", "How does the road run?", "road_direction",
             {"straight": "Straight on", "left bend": "It bends to the left",
              "right bend": "It bends to the right", "ends": "It ends at a T junction"},
             usual="straight"),
        ask(name, "visibility", "What limits the view ahead most?", "visibility",
             {"nothing": "Nothing: one can see far", "fog": "Fog", "darkness": "Darkness",
              "rain or snow": "Falling rain or snow"}, unless=("several",)),
        ask(name, "events", "In which order do things happen to the ego vehicle?", "events",
             {"drives straight on at a steady speed all the time":
              "It drives straight on at a steady speed all the time",
              "first drives slowly, then accelerates":
              "First it drives slowly, then it accelerates",
              "first drives on, then slows down without stopping":
              "First it drives on, then it slows down without stopping",
              "first drives on, then stops": "First it drives on, then it stops",
              "stands all the time": "It stands all the time",
              "first stands, then moves off straight ahead":
              "First it stands, then it moves off straight ahead",
              **{f"first stands, then turns {side}": f"First it stands, then it turns {side}"
                 for side in sides},
              **{f"first drives straight on, then turns {side}":
                 f"First it drives straight on, then it turns {side}" for side in sides},
              **{f"first drives straight on, then follows a bend to the {side}":
                 f"First it drives straight on, then it follows a bend to the {side}"
                 for side in sides},
              **{f"first keeps its lane, then changes to the lane on its {side}":
                 f"First it keeps its lane, then it changes to the lane on its {side}"
                 for side in sides}}),
        ask(name, "begins", "In which half of the clip does the ego vehicle begin to turn, steer "
             "or change its speed?", "begins",
             {"never": "It never does", "first half": "In the first half",
              "second half": "In the second half"}, "It did so before the clip began"),
        ask(name, "end_state", "Is the ego vehicle moving when the clip ends?", "end_state",
             {"moving": "Yes, forward", "standing": "No, it stands"}, "Yes, backward",
             "No, it is parked among other cars", usual="moving"),
    )  # fmt: skip
