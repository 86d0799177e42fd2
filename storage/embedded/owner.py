"""The program that keeps its data in an embedded PostgreSQL, as far as this package has to know."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner's name, and its words for the ways out that messages offer.

    `name` is one word of small letters. It is the name of the database, of its user and of the
    account that serves them where root asks, of folders outside the root, and what running servers
    are known by; with another name, none of those of before is found again.
    """

    name: str
    folder_setting: str
    """What a user sets to have the data in another folder."""
    programs_setting: str
    """What a user sets to have other programs of PostgreSQL run."""
    server_setting: str
    """What a user sets to have another server, and no embedded one at all."""
    dump_command: str
    """What a user calls to write an archive."""
