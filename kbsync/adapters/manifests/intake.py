"""What reading one file needs beside its text: the words, what takes the entries, and where problems go."""

from dataclasses import dataclass

from kbsync.adapters.manifests.heads import Container, Head
from kbsync.adapters.manifests.problems import FileProblems
from kbsync.adapters.manifests.sections import SectionMaker
from kbsync.adapters.manifests.vocabulary import Words

__all__ = ("Intake",)


@dataclass(frozen=True, slots=True)
class Intake:
    """One file's way into the manifest set. *quick* says that its sections have a short way."""

    words: Words
    make: SectionMaker
    problems: FileProblems
    quick: bool = False

    def open(self, head: Head) -> Container:
        """Return the container that *head* names."""
        return head.open(self.words, self.make, self.problems)
