"""Results go out: each to every destination, again and again with growing pauses, until it arrives or is given up."""

from __future__ import annotations

import time
from collections.abc import Sequence

from echobeat.node.delivery import Delivered, DicomSender, Refused, Unreachable, WebSender, connected
from echobeat.node.journal import Journal
from echobeat.node.queue import Parcel, Queue
from echobeat.node.settings import Destination, NodeSettings


class Sender:
    """Does what is due for one destination; see `run_due`.

    Each destination has a sender in a thread of its own: one that does not answer costs the others nothing.
    """

    def __init__(self, destination: Destination, settings: NodeSettings, queue: Queue, journal: Journal) -> None:
        self._destination, self._settings, self._queue, self._journal = destination, settings, queue, journal

    def next_due(self) -> float | None:
        """When there is something to send next; None where nothing waits."""
        return self._queue.next_parcel_due(self._destination.name)

    def run_due(self) -> bool:
        """Send what is due, over one association; False where nothing is."""
        parcels = self._queue.parcels(self._destination.name, time.time())
        if parcels:
            self._send(parcels)
        return bool(parcels)

    def _send(self, parcels: Sequence[Parcel]) -> None:
        destination = self._destination
        left = list(parcels)
        try:
            paths = [parcel.path for parcel in parcels]
            with connected(destination, self._settings.ae, paths, self._settings.tls) as sender:
                while left:
                    self._note(left[0], _sent(sender, left[0]))
                    left.pop(0)
        except Unreachable as error:
            self._journal.say("unreachable", destination=destination.name, reason=str(error), waiting=len(left))
            for parcel in left:
                self._note(parcel, Delivered(False, error=str(error)))
        except Refused as error:
            for parcel in left:
                self._note(parcel, Delivered(False, refused=True, error=str(error)))

    def _note(self, parcel: Parcel, delivered: Delivered) -> None:
        if delivered.arrived:
            if self._queue.mark_sent(parcel):
                parcel.path.unlink(missing_ok=True)
            self._journal.say("sent", instance=parcel.uid, destination=parcel.destination)
            return
        now, retry = time.time(), self._settings.retry
        refusals = parcel.refusals + int(delivered.refused)
        dead = refusals >= retry.refusals or now - parcel.queued > retry.give_up_s
        due = now + retry.pause_s(parcel.attempts + 1)
        self._queue.mark_failed(parcel, delivered.error, due=due, refused=delivered.refused, dead=dead)
        if delivered.refused or dead:
            event = "given_up" if dead else "refused_by_peer"
            self._journal.say(event, instance=parcel.uid, destination=parcel.destination, reason=delivered.error)


def _sent(sender: DicomSender | WebSender, parcel: Parcel) -> Delivered:
    try:
        return sender.send(parcel.path)
    except Unreachable:
        raise
    except Exception as error:  # noqa: BLE001  our own file is damaged: that parcel's failure, not its destination's
        return Delivered(False, refused=True, error=type(error).__name__)
