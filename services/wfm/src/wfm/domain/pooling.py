"""What comes of agents who serve several queues: many small call centers simulated in lockstep, one event each a step.

Contacts come by Poisson, take exponential times and give up after exponential ones, as in Erlang A. The chain is
uniformised (Jensen 1953): events of all kinds ring at a constant rate, and a ring at an agent who is idle is none. So
when something happens doesn't depend on what happens: random numbers are drawn in blocks, the instants at which a
queue's requirement relaxes are worked between two events without drawing anew, and two numbers of agents are compared
by the same contacts (common random numbers).

Who takes whom is as in routing: a contact takes an agent at random of those who are idle and may serve it, which in
the long run is what the longest idle comes to; an agent who gets free takes the contact that counts as waiting
longest of those they may serve by then. Contacts that gave up are found when their turn comes: that is no event.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
_Ints = NDArray[np.intp]
_BLOCK = 64
_FINE = float(2**20)
"""The digits of a random number above this choose the event, those below are another random number."""
_JITTER = 1e-6
"""Seconds by which groups that may serve from the same instant on differ, so that none is always the first."""
SHORTEST_QUEUE = 64
LONGEST_QUEUE = 4096


@dataclass(frozen=True)
class Network:
    """Who may serve whom. `reach`: groups by queues, seconds of waiting after which an agent of the group may serve a
    contact of the queue: 0 at once, inf never. By queue: seconds within which to serve, mean seconds until customers
    give up (0: never), seconds its contacts count as having waited when they come."""

    reach: Floats
    thresholds: Floats
    patience: Floats
    priorities: Floats


@dataclass(frozen=True)
class Outcomes:
    """What came, scenarios by queues, or by groups for occupancy: shares of those who came, their mean seconds until
    they were answered or gave up, and standard errors (`*_error`) over the runs of each scenario. What is counted is
    what happens after the warm-up, whenever those it happens to came: in the long run the shares are the same, and
    nobody has to be waited for at the end."""

    offered: Floats
    level: Floats
    level_error: Floats
    abandoned: Floats
    abandoned_error: Floats
    wait: Floats
    wait_error: Floats
    late: Floats
    """Contacts of all runs that were not served in time."""
    occupancy: Floats
    occupancy_error: Floats
    contacts: int
    """How many were simulated, those of the warm-up among them."""


def network(
    reach: ArrayLike, thresholds: ArrayLike, patience: ArrayLike | None = None, priorities: ArrayLike | None = None
) -> Network:
    """With what is usual where nothing is said: nobody gives up, nobody is preferred."""
    told = [np.atleast_1d(np.asarray(each, np.float64)) for each in (thresholds,)]
    zero = np.zeros_like(told[0])
    others = [zero if each is None else np.atleast_1d(np.asarray(each, np.float64)) for each in (patience, priorities)]
    return Network(np.atleast_2d(np.asarray(reach, np.float64)), told[0], *others)


def simulate(
    net: Network,
    rates: ArrayLike,
    handles: ArrayLike,
    agents: ArrayLike,
    *,
    steps: int,
    warm_up: int,
    runs: int,
    seed: int,
    room: ArrayLike | None = None,
    streams: ArrayLike | None = None,
) -> Outcomes:
    """Scenarios by queues (contacts a second, seconds each takes) and by groups (agents), each in `runs` runs of
    `warm_up` events that aren't counted and `steps` that are. Scenarios with the same number in `streams`, the same
    rates, handle times and `room` (by groups, agents at most) have the same contacts at the same instants."""
    numbers = np.atleast_2d(np.asarray(agents, np.int64))
    coming = np.broadcast_to(np.asarray(rates, np.float64), (len(numbers), net.reach.shape[1]))
    taking = np.broadcast_to(np.asarray(handles, np.float64), coming.shape)
    most = numbers if room is None else np.broadcast_to(np.asarray(room, np.int64), numbers.shape)
    named = np.arange(len(numbers)) if streams is None else np.asarray(streams, np.intp)
    hall = _Hall(net, coming, taking, numbers, most, runs, seed, named)
    hall.run(warm_up, steps)
    return hall.outcomes()


class _Hall:
    """State of all lanes (scenarios by runs). Arrays of a queue or group by lanes are kept flat, lanes side by side."""

    def __init__(
        self, net: Network, rates: Floats, handles: Floats, agents: NDArray[np.int64], room: NDArray[np.int64],
        runs: int, seed: int, streams: _Ints,
    ) -> None:  # fmt: skip
        self.net, self.runs, self.scenarios = net, runs, len(agents)
        self.groups, self.queues = net.reach.shape
        self.chance = np.random.default_rng(seed)
        self.streams, places = np.unique(streams, return_inverse=True)
        self.place = (places[:, np.newaxis] * runs + np.arange(runs)).ravel().astype(np.intp)
        lanes = self.lanes = len(agents) * runs
        wide = [np.repeat(each, runs, axis=0).T for each in (rates, handles, agents, room)]
        self.rates, self.handles, self.agents = wide[0], wide[1], wide[2].astype(np.intp)
        slots = np.cumsum(wide[3], axis=0)
        self.slots = int(slots[-1].max())
        quickest = np.where(self.rates > 0, 1.0 / self.handles, 0.0).max(axis=0)
        # Where nothing comes it is as if an agent rang once a second, for nothing.
        self.quickest = np.where(quickest > 0, quickest, 1.0)
        self.sums = np.cumsum(self.rates, axis=0)
        self.last = np.maximum(slots[-1], 1) - 1
        self.total = self.sums[-1] + np.maximum(slots[-1], self.rates.sum(axis=0) <= 0) * self.quickest
        accepts = np.zeros((self.queues + 1, lanes))
        accepts[:-1] = 1.0 / self.handles / self.quickest
        self.accepts = accepts.ravel()
        self.idle = self.agents.copy(order="C")
        # A group's busy agents have its first places: the next to become busy has place top - idle.
        self.top: _Ints = (slots - wide[3] + self.agents).astype(np.intp).ravel()
        ends = slots[np.newaxis, :, :] <= np.arange(self.slots)[:, np.newaxis, np.newaxis]
        self.group_of = ends.sum(axis=1).astype(np.int8).ravel()
        self.jobs = np.full(max(1, self.slots) * lanes, self.queues, np.int8)
        self._waiting_room()
        self._fill()
        self.offered, self.idled = np.zeros((self.queues, lanes)), np.zeros((self.groups, lanes))
        counts = [np.zeros(self.queues * lanes) for _ in range(4)]
        self.queued, self.in_time, self.waited, self.gone = counts
        self.counted, self.contacts = False, 0
        self.times, self.since, self.seen = np.zeros(lanes), np.full(lanes, np.inf), 0

    def _waiting_room(self) -> None:
        net, lanes = self.net, self.lanes
        stay = np.where(net.patience > 0, 3 * net.patience, np.inf)[:, np.newaxis]
        stay = np.minimum(stay, 2 * self.handles + 4 * net.thresholds[:, np.newaxis])
        size = SHORTEST_QUEUE
        while size < min(LONGEST_QUEUE, float((self.rates * stay).max())):
            size *= 2
        self.size, self.mask = size, size - 1
        self.came, self.gives_up = (np.zeros(self.queues * size * lanes) for _ in range(2))
        self.head, self.tail = (np.zeros(self.queues * lanes, np.intp) for _ in range(2))
        # Of the one at the head: when they came, and when they give up; inf where nobody waits.
        self.first, self.leaves = (np.full((self.queues, lanes), np.inf) for _ in range(2))
        steps = [
            (group, queue, float(seconds))
            for (group, queue), seconds in np.ndenumerate(net.reach)
            if 0 < seconds < np.inf
        ]
        self.later = steps
        self.after = np.array([seconds for _, _, seconds in steps])[:, np.newaxis] + self.chance.uniform(
            0, _JITTER, (len(steps), lanes)
        )
        self.now = (net.reach <= 0).astype(np.intp)

    def _fill(self) -> None:
        """As many agents are busy as there is work for, so that less has to be warmed up."""
        lanes = np.arange(self.lanes)
        loads = self.rates * self.handles
        for group in range(self.groups):
            may = np.isfinite(self.net.reach[group])
            mine = np.cumsum(np.where(may[:, np.newaxis], loads, 0.0), axis=0)
            all_of = np.maximum(1, self.agents[np.isfinite(self.net.reach[:, may]).any(axis=1)].sum(axis=0))
            busy = np.floor(self.agents[group] * np.minimum(1.0, mine[-1] / all_of)).astype(np.intp)
            for place in range(int(busy.max(initial=0))):
                some = lanes[place < busy]
                drawn = self.chance.random(len(some)) * mine[-1, some]
                queue = np.minimum((mine[:, some] <= drawn).sum(axis=0), self.queues - 1)
                self._take(np.full(len(some), group), some, queue)

    def run(self, warm_up: int, steps: int) -> None:
        """So many events of each lane, counted after the warm-up."""
        done = 0
        while done < warm_up + steps:
            size = min(_BLOCK, (warm_up if done < warm_up else warm_up + steps) - done)
            if done >= warm_up and not self.counted:
                self.counted, self.since = True, self.times.copy()
            self._block(size)
            done += size

    def _block(self, size: int) -> None:
        shape = (size, len(self.streams) * self.runs)
        drawn = self.chance.random(shape).take(self.place, axis=1)
        gaps = self.chance.standard_exponential(shape).take(self.place, axis=1)
        times = np.cumsum(gaps / self.total, axis=0)
        times += self.times
        chosen = drawn * self.total
        drawn *= _FINE
        drawn -= np.floor(drawn)
        slots = np.minimum(((chosen - self.sums[-1]) / self.quickest).astype(np.intp), self.last)
        arrivals = chosen < self.sums[-1]
        queues = np.zeros(chosen.shape, np.intp)
        for queue in range(self.queues - 1):
            queues += chosen >= self.sums[queue]
        for row in range(size):
            time, chance = times[row], drawn[row]
            if self.later:
                self._relax(time)
            if self.counted:
                self.idled += self.idle
            comes = arrivals[row]
            lanes = np.flatnonzero(comes)
            self._arrive(lanes, queues[row, lanes], time[lanes], chance[lanes])
            lanes = np.flatnonzero(~comes)
            self._ring(lanes, slots[row, lanes], time, chance[lanes])
        self.times = times[-1]
        if self.counted:
            for queue in range(self.queues):
                self.offered[queue] += (arrivals & (queues == queue)).sum(axis=0)
            self.seen += size
        self.contacts += int(arrivals.sum())

    def _arrive(self, lanes: _Ints, queues: _Ints, times: Floats, chance: Floats) -> None:
        able = self.idle.take(lanes, axis=1)
        if self.groups > 1 or self.queues > 1:
            able *= self.now.take(queues, axis=1)
            np.cumsum(able, axis=0, out=able)
        free = able[-1]
        at = np.flatnonzero(free)
        which = lanes[at]
        if self.groups > 1:
            group = (able.take(at, axis=1) <= chance[at] * free[at]).sum(axis=0)
        else:
            group = np.zeros(len(at), np.intp)
        self._take(group, which, queues[at])
        at = np.flatnonzero(free == 0)
        if len(at):
            self._queue(lanes[at], queues[at], times[at], chance[at])

    def _take(self, group: _Ints, lanes: _Ints, queues: _Ints) -> None:
        """One more of the group is busy, with a contact of the queue."""
        own = group * self.lanes + lanes
        idle = self.idle.reshape(-1)
        left: _Ints = idle[own]
        place: _Ints = self.top[own] - left
        self.jobs[place * self.lanes + lanes] = queues
        idle[own] = left - 1

    def _queue(self, lanes: _Ints, queues: _Ints, times: Floats, chance: Floats) -> None:
        own = queues * self.lanes + lanes
        patience = self.net.patience[queues]
        until = np.where(patience > 0, times - patience * np.log1p(-chance), np.inf)
        tail, head = self.tail[own], self.head[own]
        if self.counted:
            self.queued[own] += 1
        full = tail - head >= self.size
        if full.any():  # more than anybody staffs for: they are sent away, and were not served in time
            keep = ~full
            own, times, until, tail, head = own[keep], times[keep], until[keep], tail[keep], head[keep]
        place = self._place(own, tail)
        self.came[place], self.gives_up[place] = times, until
        self.tail[own] = tail + 1
        alone = tail == head
        own = own[alone]
        self.first.reshape(-1)[own], self.leaves.reshape(-1)[own] = times[alone], until[alone]

    def _place(self, own: _Ints, at: _Ints) -> _Ints:
        place: _Ints = own // self.lanes * self.size + (at & self.mask)
        return place * self.lanes + own % self.lanes

    def _pop(self, own: _Ints) -> None:
        """The head of these lists leaves; who is behind is the head."""
        head = self.head[own] + 1
        self.head[own] = head
        some = head < self.tail[own]
        first, leaves = self.first.reshape(-1), self.leaves.reshape(-1)
        first[own], leaves[own] = np.inf, np.inf
        own = own[some]
        place = self._place(own, head[some])
        first[own], leaves[own] = self.came[place], self.gives_up[place]

    def _give_up(self, own: _Ints) -> None:
        came, left = self.first.reshape(-1)[own], self.leaves.reshape(-1)[own]
        counts = left > self.since[own % self.lanes]
        self.gone[own] += counts
        self.waited[own] += np.where(counts, left - came, 0.0)
        self._pop(own)

    def _serve(self, own: _Ints, times: Floats) -> None:
        """The head of these lists is served from now on."""
        if self.counted:
            wait = times - self.first.reshape(-1)[own]
            self.in_time[own] += wait <= self.net.thresholds[own // self.lanes]
            self.waited[own] += wait
        self._pop(own)

    def _ring(self, lanes: _Ints, slots: _Ints, times: Floats, chance: Floats) -> None:
        places = slots * self.lanes + lanes
        job = self.jobs[places].astype(np.intp)
        done = np.flatnonzero(chance < self.accepts[job * self.lanes + lanes])
        lanes, places = lanes[done], places[done]
        group, time = self.group_of[places].astype(np.intp), times[lanes]
        best, queue = self._next(group, lanes, time)
        some = np.isfinite(best)
        at = np.flatnonzero(some)
        if len(at):
            self.jobs[places[at]] = queue[at]
            self._serve(queue[at] * self.lanes + lanes[at], time[at])
        at = np.flatnonzero(~some)
        lanes, places = lanes[at], places[at]
        own = group[at] * self.lanes + lanes
        idle = self.idle.reshape(-1)
        left: _Ints = idle[own] + 1
        last: _Ints = self.top[own] - left
        last = last * self.lanes + lanes
        self.jobs[places] = self.jobs[last]
        self.jobs[last] = self.queues
        idle[own] = left

    def _next(self, group: _Ints, lanes: _Ints, time: Floats) -> tuple[Floats, _Ints]:
        """For whom an agent who gets free looks: since when its contact counts as waiting (inf: nobody), its queue."""
        leaves = self.leaves.take(lanes, axis=1)
        while (over := leaves <= time).any():
            queue, at = np.nonzero(over)
            self._give_up(queue * self.lanes + lanes[at])
            leaves[queue, at] = self.leaves[queue, lanes[at]]
        best, found = np.full(len(lanes), np.inf), np.zeros(len(lanes), np.intp)
        for queue in range(self.queues):
            since = self.first[queue].take(lanes)
            reach = self.net.reach[:, queue]
            counts = since - self.net.priorities[queue]
            if not (reach <= 0).all():
                counts = np.where(since + reach[group] <= time, counts, np.inf)
            better = counts < best
            best = np.where(better, counts, best)
            found[better] = queue
        return best, found

    def _relax(self, times: Floats) -> None:
        """Contacts that somebody else may serve, too, before `times`, do not wait for the next event."""
        lanes = None
        while True:
            due = np.stack([
                np.where(self.idle[group] > 0, self.first[queue], np.inf) if lanes is None
                else np.where(self.idle[group, lanes] > 0, self.first[queue, lanes], np.inf)
                for group, queue, _ in self.later
            ])  # fmt: skip
            due += self.after if lanes is None else self.after[:, lanes]
            soonest = due.min(axis=0)
            at = np.flatnonzero(soonest <= (times if lanes is None else times[lanes]))
            if not len(at):
                return
            which = due[:, at].argmin(axis=0)
            moment = soonest[at]
            lanes = at if lanes is None else lanes[at]
            pairs = np.array([(group, queue) for group, queue, _ in self.later], np.intp)[which]
            own = pairs[:, 1] * self.lanes + lanes
            stays = self.leaves.reshape(-1)[own] > moment
            self._give_up(own[~stays])
            self._serve(own[stays], moment[stays])
            self._take(pairs[stays, 0], lanes[stays], pairs[stays, 1])

    def outcomes(self) -> Outcomes:
        """What was counted, by scenario."""
        came = self.offered
        queued, in_time, waited, gone = (
            each.reshape(self.queues, -1) for each in (self.queued, self.in_time, self.waited, self._gone_by_now())
        )
        well = came - queued + in_time
        there = self.agents.astype(np.float64) * max(1, self.seen)
        ratios = [
            self._ratio(*each) for each in ((well, came), (gone, came), (waited, came), (there - self.idled, there))
        ]
        level, abandoned, wait, busy = ratios
        whole = self._by_scenario(came).sum(axis=2).T
        return Outcomes(whole, *level, *abandoned, *wait, np.maximum(0.0, whole * (1 - level[0])), *busy, self.contacts)

    def _gone_by_now(self) -> Floats:
        """Those who gave up, also where their turn hasn't come since."""
        shape = (self.queues, self.size, self.lanes)
        until = self.gives_up.reshape(shape)
        head, tail = (each.reshape(self.queues, 1, self.lanes) for each in (self.head, self.tail))
        there = (np.arange(self.size)[:, np.newaxis] - head) % self.size < tail - head
        over = there & (until <= self.times) & (until > self.since)
        self.waited += np.where(over, until - self.came.reshape(shape), 0.0).sum(axis=1).ravel()
        return self.gone + over.sum(axis=1).ravel()

    def _by_scenario(self, values: Floats) -> Floats:
        return values.reshape(len(values), self.scenarios, self.runs)

    def _ratio(self, above: Floats, below: Floats) -> tuple[Floats, Floats]:
        """A ratio of sums over runs and its standard error, scenarios first."""
        over, under = self._by_scenario(above), self._by_scenario(below)
        whole = under.sum(axis=2)
        ratio = np.divide(over.sum(axis=2), whole, out=np.zeros_like(whole), where=whole > 0)
        rest = over - ratio[:, :, np.newaxis] * under
        spread = np.sqrt((rest**2).sum(axis=2) * self.runs / max(1, self.runs - 1))
        error = np.divide(spread, whole, out=np.zeros_like(whole), where=whole > 0)
        return ratio.T, error.T
