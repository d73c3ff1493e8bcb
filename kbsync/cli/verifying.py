"""Reading back what a run has updated, as the command line or the configuration asks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from kbsync.adapters.config import Config
from kbsync.adapters.state import RunJournal, StateStore
from kbsync.core.findings import Finding
from kbsync.core.plan import Change, Plan
from kbsync.core.sampling import SAMPLE_SIZE, drawn
from kbsync.core.verification import Verification, VerifyMode
from kbsync.engine.readback import ReadBack
from kbsync.engine.target import Target

__all__ = ("Verifying", "verifying_of")


@dataclass
class Verifying:
    """What is to be read back of one run: *mode*, and changes of *earlier* runs whose verification was left open.

    *earlier* are by number. *verification* says what came of it.
    """

    mode: VerifyMode
    wait_s: float
    earlier: Mapping[int, Change]
    verification: Verification | None = None

    async def read(
        self,
        updated: Sequence[int],
        journal: RunJournal,
        targets: Sequence[Target],
        stopped: Mapping[str, str],
        begin: Callable[[Sequence[Target]], ReadBack],
    ) -> None:
        """Read back the changes at the positions *updated*, or some of them, and the earlier ones.

        Those that remove a field always are: no answer says that it is gone.
        Nothing is asked of the targets that were *stopped*: what concerns them is unread for the reason why. *begin*
        makes what reads from the others.
        """
        removing = frozenset(seq for seq in updated if journal.changes[seq].removes)
        others = [seq for seq in updated if seq not in removing]
        sizes = {"none": 0, "sample": SAMPLE_SIZE, "all": len(others)}
        chosen = sorted([*removing, *drawn(others, sizes[self.mode], journal.run_id)])
        first = journal.first_change
        changes = {**self.earlier, **{first + seq: journal.changes[seq] for seq in chosen}}
        read_back = begin([target for target in targets if target.name not in stopped])
        try:
            await read_back.verify(changes)
        finally:
            found: dict[int, Finding] = {
                number: finding._replace(reason=stopped.get(changes[number].item.target, finding.reason))
                for number, finding in read_back.findings.items()
            }
            self.verification = Verification(
                mode=self.mode,
                seed=journal.run_id,
                wait_s=self.wait_s,
                updated=len(updated),
                findings={seq: found[first + seq] for seq in chosen},
                earlier=[(change, found[number]) for number, change in self.earlier.items()],
                removing=removing,
            )


def verifying_of(plan: Plan, config: Config, store: StateStore, mode: VerifyMode, wait_s: float) -> Verifying | None:
    """Return what is to be read back of a run of *plan*; None when nothing is.

    That is also what earlier runs left open, unless *plan* sends something newer. A run over a part of the manifests
    asks nothing of the targets of another.
    """
    if mode == "none" and not any(change.removes for change in plan.changes):
        return None
    sent = {(change.item, change.operation) for change in plan.changes}
    targets = config.targets if plan.whole else {change.item.target for change in plan.changes}
    earlier = {
        number: change
        for number, change in (store.left_open().items() if mode != "none" else ())
        if change.item.target in targets and (change.item, change.operation) not in sent
    }
    return Verifying(mode, wait_s, earlier)
