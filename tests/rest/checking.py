"""What every answer of the REST door is like."""

import re

JSON = {"content-type": "application/json"}


def problem(answer, status, words=""):
    """Return a problem after having checked that it is a whole one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status
    assert told["title"]
    assert told["type"] == "about:blank" or told["type"].startswith("urn:promptstack:problem:")
    assert told["instance"].isascii()
    assert told["detail"].endswith((".", "?")), told["detail"]
    assert words in told["detail"]
    return told


def is_refused(answer):
    """Return whether a request met a clear refusal: a problem, and not a failure of the server."""
    problem(answer, answer.status_code)
    return 400 <= answer.status_code < 500


def next_page(answer):
    """Return where Link says that the next page is; None on the last one."""
    links = re.findall(r'<([^>]+)>; rel="next"', answer.headers.get("link", ""))
    assert len(links) <= 1
    return links[0] if links else None


async def follow(client, url, **options):
    """Return the items of every page, by following Link to the end."""
    items, pages = [], 0
    while url is not None:
        answer = await client.get(url, **options)
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        url, options = next_page(answer), {}
        pages += 1
    return items, pages
