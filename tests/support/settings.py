"""Settings as anybody might write them: nested, in any order of keys, with awkward numbers."""

from typing import Any

from hypothesis import strategies as st

_KEYS = st.sampled_from(["reasoning", "answer", "b", "a", "type", "é", "Z", "10", "9", " "])
_NUMBERS = st.sampled_from([0, 1, 1.0, -0.0, 1e300, 1e23, 5e-324, 0.1, 1.5e-7, 10**30, -(2**63)])
_LEAVES = st.none() | st.booleans() | _NUMBERS | st.sampled_from(["", "x", "1", "1e3", "no", "ü\n"])


def _objects(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(_KEYS, values, max_size=5)


SETTINGS = _objects(
    st.recursive(_LEAVES, lambda each: st.lists(each, max_size=3) | _objects(each), max_leaves=12)
)
"""A `model_config`; its order is that in which the keys were drawn."""

WRITTEN: dict[str, Any] = {
    "temperature": 1.0,
    "seed": 10**30,
    "bias": [-0.0, 1e300, 0],
    "response_format": {
        "schema": {"type": "object", "properties": {"why": {}, "evidence": {}, "answer": {}}}
    },
    "a": None,
}
"""Settings that no sorting leaves as they are."""


def reversed_keys(value: Any) -> Any:
    """Return JSON with the keys of each object the other way round."""
    match value:
        case dict():
            return {key: reversed_keys(each) for key, each in reversed(value.items())}
        case list():
            return [reversed_keys(each) for each in value]
    return value
