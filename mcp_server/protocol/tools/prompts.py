"""The tools that read, use and write prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server.protocol.tools import texts
from mcp_server.protocol.tools.tool import Tool
from mcp_server.schemas.archiving import ArchivedOut, ArchiveIn, present_archived
from mcp_server.schemas.prompts import (
    PromptCreate,
    PromptOut,
    PromptUpdate,
    SavedOut,
    present_prompt,
    present_saved,
)
from mcp_server.schemas.reading import ReferenceIn, RenderedOut, RenderIn, present_rendered
from mcp_server.service.terms import Terms
from storage.values.entities import MAIN

if TYPE_CHECKING:
    from mcp_server.service.library import Library


async def _get(library: Library, given: ReferenceIn) -> PromptOut:
    return present_prompt(await library.prompts.get(given.reference, given.reader(library.caller)))


async def _render(library: Library, given: RenderIn) -> RenderedOut:
    rendered = await library.prompts.render(
        given.reference, given.arguments, reader=given.reader(library.caller)
    )
    return present_rendered(rendered)


async def _create(library: Library, given: PromptCreate) -> SavedOut:
    saved = await library.prompts.create(
        given.name,
        given.to_input(),
        copy_of=given.copy_of,
        with_history=given.with_history,
        terms=given.terms(),
    )
    return present_saved(saved)


async def _update(library: Library, given: PromptUpdate) -> SavedOut:
    saved = await library.prompts.update(
        given.name,
        given.to_input(),
        new_name=given.new_name,
        branch=given.branch,
        terms=given.terms(),
    )
    return present_saved(saved)


async def _archive(library: Library, given: ArchiveIn) -> ArchivedOut:
    return present_archived(
        await library.prompts.archive(
            given.name, restore=given.restore, terms=Terms(force=given.force)
        )
    )


def _say_prompt(prompt: PromptOut) -> str:
    title = f" “{prompt.title}”" if prompt.title else ""
    return texts.join(
        [
            f"{prompt.name}{title}, version {prompt.version} (newest of main: "
            f"{prompt.latest_version}), by {prompt.created_by}",
            prompt.description,
            f"Folder: {prompt.folder or '(root)'}. Tags: {texts.listed(prompt.tags)}. "
            f"Labels: {texts.labelled(prompt.labels)}.",
            f"Branches: {texts.labelled(prompt.branches)}." if len(prompt.branches) > 1 else None,
            f"Arguments: {texts.arguments(prompt.arguments)}",
            f"Includes: {texts.listed([each.reference for each in prompt.includes])}."
            if prompt.includes
            else None,
            prompt.problem and f"It can't be used at present. {prompt.problem}",
            prompt.model_type and f"Written for: {prompt.model_type}",
            f"Variants: {texts.listed(sorted(prompt.variants))}. Shown: {prompt.variant or 'base'}."
            if prompt.variants
            else None,
            prompt.commit_message and f"Commit message: {prompt.commit_message}",
            "",
            prompt.template if prompt.messages is None else texts.messages(prompt.messages),
        ]
    )


def _say_rendered(rendered: RenderedOut) -> str:
    return texts.messages(rendered.messages)


def say_saved(saved: SavedOut) -> str:
    """Describe the outcome of a write, and the version served now."""
    served = saved.served_version
    return texts.join(
        [
            _outcome(saved),
            f"Labels: {texts.labelled(saved.labels)}. '{saved.name}' means version {served}.",
            *saved.warnings,
        ]
    )


def _outcome(saved: SavedOut) -> str:
    if saved.new_version:
        branch = "" if saved.branch == MAIN else f" on the branch '{saved.branch}'"
        return f"Wrote version {saved.version} of '{saved.name}'{branch}."
    if saved.changed:
        return f"Changed '{saved.name}'; its texts are the same, so it stays at {saved.version}."
    return f"'{saved.name}' was like that already; it stays at version {saved.version}."


def _say_archived(prompt: ArchivedOut) -> str:
    if prompt.archived:
        sentence = f"'{prompt.name}' is archived. Call again with restore: true to bring it back."
        return texts.join([sentence, *(prompt.warnings or ())])
    return f"'{prompt.name}' is not archived: it is listed, found and served."


GET_PROMPT = Tool(
    name="get_prompt",
    title="Read a prompt",
    description="""\
Read one prompt with everything that is kept about a version of it: its text with the blanks \
unfilled, arguments, tags, folder, labels, who wrote it and why. Use it before you change a \
prompt, or when the user wants to see one. To *use* a prompt, call render_prompt instead.

`reference` says which version: a bare name means the version that the label production points \
at, else the newest of main; 'name@3' is version 3, 'name@staging' what a label points at, \
'name@latest' the newest of main, 'name@branch:terse' the newest of a branch. A version never \
changes; labels and branches move.

The text is in `template` where the version is a single user message, else in `messages`. \
`latest_version` is the newest version of main: give it as expected_version to update_prompt. It \
can be newer than the `version` shown, when production points at an older one; then read \
'name@latest' before you write, since changes are made to the newest version.

A name that doesn't exist is answered with the names most like it.""",
    input=ReferenceIn,
    output=PromptOut,
    run=_get,
    say=_say_prompt,
    writes=False,
    destructive=False,
    idempotent=True,
)

RENDER_PROMPT = Tool(
    name="render_prompt",
    title="Use a prompt",
    description="""\
Fill the blanks of a prompt and get the messages that result. This is how a prompt is used: call \
it, then do what the text says, as if the user had written it.

`reference` says which version, as for get_prompt; a bare name means what is in production. \
`arguments` gives a value for each blank by name. Required ones have to be there; others fall \
back to their default. Values are texts, or JSON numbers and booleans where the argument has such \
a type. search_prompts and get_prompt tell which arguments a prompt takes.

If arguments are missing, of the wrong type, not among the choices, or unknown, nothing is \
rendered and the answer names all of them at once, so that one more call is enough. Ask the user \
for values that you don't know instead of inventing them.

A prompt may have other texts for other models: give the `model_type` that will read the result. \
Values are put in as they are: braces inside them aren't filled again.""",
    input=RenderIn,
    output=RenderedOut,
    run=_render,
    say=_say_rendered,
    writes=False,
    destructive=False,
    idempotent=True,
)

CREATE_PROMPT = Tool(
    name="create_prompt",
    title="Create a prompt",
    description="""\
Keep a new prompt; its text becomes version 1. Use it when the user wants a text kept for reuse. \
Look with search_prompts first, so that there aren't two prompts for one purpose.

Give a `name` (a-z, 0-9, '_', '-'; it becomes a command in some clients, so keep it short) and \
either `template`, the text of one user message, or `messages` for more. In the text, \
{{argument}} marks a blank. Blanks needn't be declared: those that aren't become required texts. \
Declare them in `arguments` to describe them or to give them a type, a default or choices. With \
template_format 'text', braces mean nothing and the text is served as it is.

{{> other-prompt}} takes another prompt's text in, with its arguments: what that means now, or \
pinned as {{> other-prompt@3}} or {{> other-prompt@production}}. A backslash before the braces \
makes them literal. `copy_of` begins with the text of another prompt or version instead.

A description makes the prompt easy to find; `title`, `folder` and `tags` put it in order. \
`model_config` is for provider settings and never for secrets.

A name that is taken (an archived prompt keeps its name) is refused: choose another one, or write \
a new version with update_prompt. Until the label production is set, the newest version is the \
one that is served.""",
    input=PromptCreate,
    output=SavedOut,
    run=_create,
    say=say_saved,
    writes=True,
    destructive=False,
    idempotent=False,
)

UPDATE_PROMPT = Tool(
    name="update_prompt",
    title="Change a prompt",
    description="""\
Change a prompt. Fields that you leave out keep their value. A change of the text, the arguments, \
the format, the model settings or the variants writes a new version on main, or on the `branch` \
that you give; a change of title, description, folder or tags alone doesn't, and holds for all \
branches. Versions are never overwritten, so nothing is lost.

Changes are made to the newest version of main, so read it first: get_prompt with 'name@latest'. \
Give its `latest_version` as `expected_version`. (On a branch: get_prompt with \
'name@branch:terse', and its `version`.) If somebody wrote a version meanwhile, the call \
fails, nothing is written, and the answer names the current version: read that one, put your \
change into its text, and call again. `template` or `messages` replace the whole text, not a part \
of it. Arguments that you don't declare again keep their declaration as long as the text uses \
them.

`new_name` renames the prompt; its old name keeps leading to it. `folder` moves it.

Say in `commit_message` why. If the content is what it was already, no version is written and the \
answer says so.

The new version is served at once only where the label production isn't set. Where it is, \
production stays where it points until somebody moves it with set_label; tell the user so, and \
don't move it unasked.""",
    input=PromptUpdate,
    output=SavedOut,
    run=_update,
    say=say_saved,
    writes=True,
    destructive=False,
    idempotent=True,
)

ARCHIVE_PROMPT = Tool(
    name="archive_prompt",
    title="Archive or restore a prompt",
    description="""\
Take a prompt out of use, or bring it back with `restore: true`. An archived prompt isn't listed, \
found or served any more, by whatever version or label it is asked for; people and programs that \
use it are answered that it is archived. Nothing of it is lost: its versions, labels and history \
stay, and so does its name, which no other prompt can take meanwhile. Restoring brings all of it \
back.

A prompt whose text others include is refused, unless you give `force: true`: those others \
couldn't be used any more. search_prompts with `includes` finds them.

Archive only when the user asks for it. There is no tool that deletes a prompt for good. To bring \
back an older text of a prompt that is in use, call restore_version instead.""",
    input=ArchiveIn,
    output=ArchivedOut,
    run=_archive,
    say=_say_archived,
    writes=True,
    destructive=True,
    idempotent=True,
)
