"""Who is asked a second time: mutating webhooks and policies that want to see what others changed after them.

There are two rounds. In the first everybody is asked in order; whoever changes something has those of
`reinvocationPolicy: IfNeeded` before it asked once more, in the second, which has no third.
"""

from __future__ import annotations

from collections.abc import Hashable


class Rounds:
    def __init__(self) -> None:
        self.number = 0
        self._before: list[Hashable] = []
        self._again: set[Hashable] = set()

    def takes(self, who: Hashable) -> bool:
        """Whether somebody is asked in this round."""
        return self.number == 0 or who in self._again

    def asked(self, who: Hashable, *, changed: bool, again: bool) -> None:
        """Somebody was asked; `again`: it wants to be asked once more when others change something."""
        if self.number:
            return
        if changed:
            self._again.update(self._before)
        if again:
            self._before.append(who)

    def next(self) -> bool:
        """Begin the second round; whether there is one."""
        self.number += 1
        return self.number == 1 and bool(self._again)
