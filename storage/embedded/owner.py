"""The program that keeps its data in an embedded PostgreSQL, as far as this package has to know."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner's name, and its words for the ways out that messages offer.

    `name` is one lower-case word. It is the name of the database, of its user, of the account that
    serves them for root, and of folders outside the root; running servers are recognised by it. If
    the name changes, none of these is found again.
    """

    name: str
    folder_setting: str
    """The setting for another data folder."""
    programs_setting: str
    """The setting for another folder of PostgreSQL's programs."""
    server_setting: str
    """The setting for another server in place of the embedded one."""
    dump_command: str
    """The command that writes an archive."""
