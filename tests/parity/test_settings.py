"""Settings come back as they were written, whichever door they go through."""

import json
from itertools import count

from hypothesis import HealthCheck, example, given, settings

from tests.support.effort import examples
from tests.support.settings import SETTINGS, WRITTEN, reversed_keys

_names = (f"p{number}" for number in count())


@settings(
    max_examples=examples(2),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(config=WRITTEN)
@given(config=SETTINGS)
def test_settings_come_back_as_written_and_their_order_alone_makes_a_version(doors, config):
    name, other = next(_names), reversed_keys(config)
    for door in doors:
        door.ask("create_prompt", name=name, template="x", model_config=config)
        assert _settings(door, name) == json.dumps(config), door
        changed = door.ask("update_prompt", name=name, model_config=other)
        assert changed["new_version"] is (json.dumps(other) != json.dumps(config)), door
        assert _settings(door, name) == json.dumps(other), door
        assert door.ask("update_prompt", name=name, model_config=other)["new_version"] is False
        door.ask("create_prompt", name=f"{name}-copy", copy_of=f"{name}@1")
        assert _settings(door, f"{name}-copy") == json.dumps(config), door
        door.ask("restore_version", reference=f"{name}@1")
        assert _settings(door, name) == json.dumps(config), door


def _settings(door, name: str) -> str:
    return json.dumps(door.ask("get_prompt", reference=name)["model_config"])
