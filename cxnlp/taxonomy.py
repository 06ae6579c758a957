"""The topics that findings speak of: read from data/taxonomy.toml, never written in code."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from importlib import resources

from cxnlp.errors import InputError, did_you_mean
from cxnlp.records import Polarity


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing customers evaluate. `factor` marks the six factors of bad customer experience."""

    id: str
    name: str
    negative: str
    positive: str
    factor: bool
    stages: tuple[str, ...]
    definition: str
    examples: tuple[str, ...]

    def label(self, polarity: Polarity) -> str:
        """Return the topic's name as people read it for a polarity ("Rude staff")."""
        return {Polarity.NEGATIVE: self.negative, Polarity.POSITIVE: self.positive}.get(polarity, self.name)


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """A version and its topics, in the order in which they are shown."""

    version: str
    topics: tuple[Topic, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """The topic ids in order."""
        return tuple(topic.id for topic in self.topics)

    @property
    def factors(self) -> tuple[str, ...]:
        """The ids of the six factors of bad customer experience."""
        return tuple(topic.id for topic in self.topics if topic.factor)

    def __getitem__(self, topic_id: str) -> Topic:
        """Return a topic by id. InputError names the nearest known one."""
        for topic in self.topics:
            if topic.id == topic_id:
                return topic
        raise InputError(f"No topic called '{topic_id}'.{did_you_mean(topic_id, self.ids)}")


@functools.cache
def load_taxonomy() -> Taxonomy:
    """Return the taxonomy that ships with cxnlp.

    >>> load_taxonomy()["staff_attitude"].negative
    'Rude staff'
    """
    data = tomllib.loads(resources.files("cxnlp").joinpath("data/taxonomy.toml").read_text("utf-8"))
    topics = tuple(
        Topic(
            id=topic["id"],
            name=topic["name"],
            negative=topic["negative"],
            positive=topic["positive"],
            factor=topic["factor"],
            stages=tuple(topic["stages"]),
            definition=topic["definition"],
            examples=tuple(topic["examples"]),
        )
        for topic in data["topics"]
    )
    return Taxonomy(data["version"], topics)
