"""What reading one file needs beside its text: the words, the places of all items, and where problems go."""

from dataclasses import dataclass

from kbsync.adapters.manifests.heads import Container, Head
from kbsync.adapters.manifests.places import Places
from kbsync.adapters.manifests.problems import FileProblems
from kbsync.adapters.manifests.vocabulary import Words

__all__ = ("Intake",)


@dataclass(frozen=True, slots=True)
class Intake:
    """One file's way into the manifest set. *number* stands for the file among the places."""

    words: Words
    places: Places
    number: int
    problems: FileProblems

    def open(self, head: Head) -> Container:
        """Return the container that *head* names."""
        return head.open(self.words, self.places, self.number, self.problems)
