import json

import pytest
from driving_scenes import RED_LIGHT

from recipe_kit.data.worlds.driving.annotations import cv, human, reasoning
from recipe_kit.data.worlds.driving.captions import caption
from recipe_kit.data.worlds.driving.plan import plan
from recipe_kit.data.worlds.driving.scene import Scene
from recipe_kit.spec.worlds import DrivingKnobs


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [plan(seed=5, index=index, knobs=DrivingKnobs()) for index in range(400)]


def test_captions_are_a_few_plain_sentences(scenes: list[Scene]) -> None:
    words = [caption(one) for one in scenes]
    assert len(set(words)) > 380
    for text in words:
        sentences = text.removesuffix(".").split(". ")
        assert 2 <= len(sentences) <= 5
        assert all(sentence[0].isupper() and "  " not in sentence for sentence in sentences)
        assert "none" not in text.lower().split()


def test_annotations_of_one_scene() -> None:
    assert caption(RED_LIGHT) == (
        "On a two-lane city street at night, the ego vehicle first drives on, then stops "
        "for a red light. Rain falls on a wet road. The road leads to a crossroads, where "
        "the traffic light stays red. A yellow bus crosses from left to right. A pedestrian"
        " with an umbrella crosses from left to right."
    )
    assert human(RED_LIGHT) == {
        "weather": "Rain",
        "lighting": "Night (artificial light)",
        "road_conditions": "Wet asphalt",
        "traffic_light": "The traffic light is red.",
        "traffic_sign": "No traffic sign is visible.",
        "additional_traffic_rules": (
            "Pedestrian crosswalk markings are visible at the junction."
        ),
        "road_type": (
            "Urban street - multi-story buildings, traffic lights and sidewalks."
        ),
        "junction_type": "Four-way intersection - controlled by traffic lights",
        "lane_type": "A single lane in each direction.",
        "additional_map_rules": None,
        "interactive_expanded_metaaction": ["Yield to VRUs"],
        "noninteractive_expanded_metaaction": ["Stop at a red light"],
        "safety_analysis": (
            "On a two-lane city street at night, the ego vehicle first drives on, then "
            "stops for a red light. Rain falls on a wet road. The road leads to a "
            "crossroads, where the traffic light stays red. A yellow bus crosses from left "
            "to right. A pedestrian with an umbrella crosses from left to right."
        ),
        "driving_difficulty": 5,
        "rule_violation": "False",
        "interesting_scenario": "True",
        "critical_object": [{
            "box": {
                "x1": 97.41,
                "y1": 30.33,
                "x2": 105.76,
                "y2": 55.38,
            },
            "box_time": 4,
            "critical_reasoning": (
                "The pedestrian crosses in front of the ego vehicle, which must yield."
            ),
            "object_type": "VRUs - Pedestrians",
        }],
    }
    assert cv(RED_LIGHT) == {
        "event_start_frame": 4,
        "event_start_timestamp": 1000000,
        "final_content": {
            "ego_behavior_schema": {
                "ego_behavior_reasoning": (
                    "The ego vehicle first drives on, then stops. The traffic light ahead "
                    "is red, so the ego vehicle must stand before it. A yellow bus crosses "
                    "from left to right. A pedestrian with an umbrella crosses from left to"
                    " right."
                ),
                "effect_on_ego_behavior": "Decelerating to a stop.",
                "difficulty_score": 5,
            },
        },
    }
    assert reasoning(RED_LIGHT) == {
        "response": {
            "description": (
                "I am driving on a city street. I first drive on, then stop for a red "
                "light. It is raining and the road is wet. The road leads to a crossroads, "
                "where the traffic light stays red. A yellow bus crosses from left to "
                "right. A pedestrian with an umbrella crosses from left to right."
            ),
            "driving difficulity explanation": (
                "It is night and it is raining and people cross the road and I come to a "
                "junction."
            ),
            "notice": [{
                "Between time 1.00s and 4.00s": (
                    "The traffic light ahead is red, so the ego vehicle must stand before "
                    "it."
                ),
            }],
        },
        "target": (
            "<think>\nThe traffic light ahead is red, so the ego vehicle must stand before "
            "it. So the ego vehicle first drives on, then stops.\n</think>\n\nI am driving "
            "on a city street. I first drive on, then stop for a red light. It is raining "
            "and the road is wet. The road leads to a crossroads, where the traffic light "
            "stays red. A yellow bus crosses from left to right. A pedestrian with an "
            "umbrella crosses from left to right."
        ),
    }


def test_annotations_are_json_and_think_first(scenes: list[Scene]) -> None:
    for one in scenes[:100]:
        for annotation in (human(one), cv(one, fps=8), reasoning(one)):
            assert json.loads(json.dumps(annotation)) == annotation
        target = reasoning(one)["target"]
        assert target.startswith("<think>\n")
        assert target.endswith(f"\n</think>\n\n{reasoning(one)['response']['description']}")
        for thing in human(one)["critical_object"]:
            corners = thing["box"]
            assert 0 <= corners["x1"] < corners["x2"] <= 128
            assert 0 <= corners["y1"] < corners["y2"] <= 80
