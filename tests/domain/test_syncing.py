from mcp_server.domain.drafts import make_draft
from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.syncing import fingerprint
from storage.values.entities import Message, Metadata, TextContent


def _file(**fields) -> PromptFile:
    return PromptFile(Metadata("a"), make_draft(template="x", **fields), None, "a.md")


def test_settings_in_another_order_are_another_content():
    reason_first = {"schema": {"reason": {}, "answer": {}}}
    answer_first = {"schema": {"answer": {}, "reason": {}}}
    assert reason_first == answer_first
    assert fingerprint(_file(model_config=reason_first)) != fingerprint(
        _file(model_config=answer_first)
    )


def test_variants_in_another_order_are_the_same_content():
    texts = {key: [Message("user", TextContent(key))] for key in ("gpt-*", "claude-*")}
    turned = dict(reversed(texts.items()))
    assert fingerprint(_file(variants=texts)) == fingerprint(_file(variants=turned))
