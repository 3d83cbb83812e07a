"""Rosters by column generation: an employee's best weeks under prices of shifts, exact but for limits of single shifts;
a linear program that mixes them; and dives that settle one employee after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from rostering import FREE, Instance
from scipy.optimize import LinearConstraint, linprog, milp
from scipy.sparse import coo_array, csr_array

_NEVER = np.float32(-1e9)
_TOGETHER = 20


class Weeks:
    """Best rosters of employees under gains of (day, shift), by dynamic programming over days.

    On: employees by last shift by run by weekends by units of work. Off: employees by free days (up to as many as are
    due) by weekends by units.
    """

    def __init__(self, given: Instance) -> None:
        self.given = given
        self.unit = int(np.gcd.reduce(given.minutes))
        self.units = [each // self.unit for each in given.minutes]
        self.width = max(each.max_minutes for each in given.staff) // self.unit + 1
        self.runs = max(each.max_run for each in given.staff)
        self.rests = max(each.min_off for each in given.staff)
        self.weekends = max(each.max_weekends for each in given.staff) + 1
        self.may = np.ones((len(given.staff), given.days, len(given.shifts)), bool)
        for who, day in given.off:
            self.may[who, day] = False
        for who, told in enumerate(given.staff):
            for shift, name in enumerate(given.shifts):
                self.may[who, :, shift] &= told.most.get(name, given.days) > 0

    def best(self, staff: Sequence[int], gains: np.ndarray, fine: bool = True) -> list[np.ndarray]:
        """The roster of most gain of each; `gains`: of these employees by days by shifts. Limits of shifts are kept by
        making a shift that is too frequent dearer until it isn't, and with `fine` no dearer than it takes."""
        found: list[np.ndarray] = []
        for at in range(0, len(staff), _TOGETHER):
            part, worth = list(staff[at : at + _TOGETHER]), gains[at : at + _TOGETHER].copy()
            found += self._within(part, worth, self._solve(part, worth), 0.5 if fine else np.inf)
        return found

    def _within(self, part: list[int], worth: np.ndarray, rosters: list[np.ndarray], near: float) -> list[np.ndarray]:
        """Rosters within the limits of shifts: what is too frequent is made as little dearer as is enough."""
        first, grow = (8.0, 4.0) if np.isfinite(near) else (2.0, 2.0)
        dear = np.zeros((len(part), len(self.given.shifts)), bool)
        low, high = np.zeros(len(part)), np.full(len(part), np.inf)
        price, kept = np.zeros(len(part)), list(rosters)
        rows = [row for row, who in enumerate(part) if self._over(who, rosters[row])]
        gains = np.full(len(part), -np.inf)
        for row in rows:
            dear[row, self._over(part[row], rosters[row])] = True
            price[row] = first
        for _ in range(24):
            if not rows:
                break
            made = self._solve([part[row] for row in rows], worth[rows] - (dear[rows] * price[rows, None])[:, None, :])
            for row, roster in zip(rows, made, strict=True):
                over = self._over(part[row], roster)
                if over:
                    low[row] = price[row]
                    if not dear[row, over].all():
                        dear[row, over], high[row] = True, np.inf
                else:
                    high[row] = price[row]
                    days = np.flatnonzero(roster != FREE)
                    gain = float(worth[row, days, roster[days]].sum())
                    if gain > gains[row]:
                        gains[row], kept[row] = gain, roster
                price[row] = (low[row] + high[row]) / 2 if np.isfinite(high[row]) else price[row] * grow
            rows = [row for row in rows if not np.isfinite(gains[row]) or high[row] - low[row] > near]
        return kept

    def _over(self, who: int, roster: np.ndarray) -> list[int]:
        told, given = self.given.staff[who], self.given
        return [
            shift for shift, name in enumerate(given.shifts)
            if int((roster == shift).sum()) > told.most.get(name, given.days)
        ]  # fmt: skip

    def _solve(self, staff: list[int], gains: np.ndarray) -> list[np.ndarray]:
        given, count, shifts = self.given, len(staff), len(self.given.shifts)
        told = [given.staff[each] for each in staff]
        worth = np.where(self.may[staff], gains, _NEVER).astype(np.float32)
        cap = np.array([each.min_off - 1 for each in told])
        rows = np.arange(count)
        run = np.arange(1, self.runs + 1)
        long_enough = run[None, :] >= np.array([each.min_run for each in told])[:, None]
        may_grow = run[None, :-1] < np.array([each.max_run for each in told])[:, None]
        on = np.full((count, shifts, self.runs, self.weekends, self.width), _NEVER, np.float32)
        off = np.full((count, self.rests, self.weekends, self.width), _NEVER, np.float32)
        off[rows, cap, 0, 0] = 0.0
        layers = [(on, off)]
        for day in range(given.days):
            begins, weekday = off[rows, cap], day % 7
            new_on, new_off = np.full_like(on, _NEVER), np.full_like(off, _NEVER)
            for shift in range(shifts):
                units, gain = self.units[shift], worth[:, day, shift]
                before = [each for each in range(shifts) if shift not in given.barred[each]]
                first = _moved(begins, units, weekday >= 5)
                new_on[:, shift, 0] = first + gain[:, None, None]
                grown = on[:, before].max(axis=1)[:, :-1] if before else None
                if grown is not None:
                    grown = _moved(grown, units, weekday == 5) + gain[:, None, None, None]
                    new_on[:, shift, 1:] = np.where(may_grow[:, :, None, None], grown, _NEVER)
            ended = np.where((long_enough | (run == day)[None, :])[:, None, :, None, None], on, _NEVER).max(axis=(1, 2))
            new_off[:, 0] = ended
            for rest in range(self.rests - 1):
                new_off[:, rest + 1] = np.maximum(new_off[:, rest + 1], off[:, rest])
            new_off[rows, cap] = np.maximum(new_off[rows, cap], off[rows, cap])
            on, off = new_on, new_off
            layers.append((on, off))
        return [self._back(row, told[row], layers, worth[row]) for row in range(count)]

    def _back(
        self, row: int, told: object, layers: list[tuple[np.ndarray, np.ndarray]], worth: np.ndarray
    ) -> np.ndarray:
        given = self.given
        low, high = -(-told.min_minutes // self.unit), told.max_minutes // self.unit  # pyright: ignore[reportAttributeAccessIssue]
        most, cap = told.max_weekends + 1, told.min_off - 1  # pyright: ignore[reportAttributeAccessIssue]
        on, off = layers[-1][0][row][:, :, :most, low : high + 1], layers[-1][1][row][: cap + 1, :most, low : high + 1]
        roster = np.full(given.days, FREE)
        works = on.max() >= off.max()
        at = np.unravel_index(int((on if works else off).argmax()), (on if works else off).shape)
        state = [int(each) for each in at]
        state[-1] += low
        for day in range(given.days - 1, -1, -1):
            on, off = layers[day][0][row], layers[day][1][row]
            value = (layers[day + 1][0] if works else layers[day + 1][1])[row][tuple(state)]
            if works:
                shift, run, weekend, units = state
                roster[day] = shift
                gain, units = worth[day, shift], units - self.units[shift]
                weekday = day % 7
                if run == 0:
                    works, state = False, [cap, weekend - (weekday >= 5), units]
                    continue
                weekend -= weekday == 5
                for each in range(len(given.shifts)):
                    if shift not in given.barred[each] and on[each, run - 1, weekend, units] + gain == value:
                        state = [each, run - 1, weekend, units]
                        break
                continue
            rest, weekend, units = state
            stays = [each for each in ([rest] if rest == cap else []) + [rest - 1] if each >= 0]
            same = next((each for each in stays if off[each, weekend, units] == value), None)
            if same is not None:
                state = [same, weekend, units]
                continue
            places = np.argwhere(on[:, :, weekend, units] == value)
            fine = next(
                (shift, run)
                for shift, run in places.tolist()
                if run + 1 >= told.min_run or run + 1 == day  # pyright: ignore[reportAttributeAccessIssue]
            )
            works, state = True, [fine[0], fine[1], weekend, units]
        return roster


def _moved(values: np.ndarray, units: int, weekend: bool) -> np.ndarray:
    """With so many units of work more, and one weekend more."""
    found = np.full_like(values, _NEVER)
    if weekend:
        found[..., 1:, units:] = values[..., :-1, : values.shape[-1] - units]
    else:
        found[..., units:] = values[..., : values.shape[-1] - units]
    return found


class Columns:
    """Rosters by employee, and the linear program that mixes them."""

    def __init__(self, given: Instance) -> None:
        self.given, self.weeks = given, Weeks(given)
        staff, days, shifts = len(given.staff), given.days, len(given.shifts)
        self.wish = np.zeros((staff, days, shifts))
        """What having a shift costs; an unfulfilled request is in it as what having it saves."""
        for who, day, shift, weight in given.on_requests:
            self.wish[who, day, shift] -= weight
        for who, day, shift, weight in given.off_requests:
            self.wish[who, day, shift] += weight
        self.need, self.under, self.over = (np.zeros((days, shifts)) for _ in range(3))
        for (day, shift), (need, under, over) in given.cover.items():
            self.need[day, shift], self.under[day, shift], self.over[day, shift] = need, under, over
        self.kept: list[dict[bytes, np.ndarray]] = [{} for _ in range(staff)]

    def add(self, who: int, roster: np.ndarray) -> bool:
        """Keeps a roster; whether it is new."""
        key = roster.tobytes()
        if key in self.kept[who]:
            return False
        self.kept[who][key] = roster
        return True

    def respond(self, roster: np.ndarray, order: Sequence[int]) -> np.ndarray:
        """Each in turn at their best against the others as they are."""
        roster = roster.copy()
        for who in order:
            there = np.stack(
                [(np.delete(roster, who, 0) == each).sum(axis=0) for each in range(len(self.given.shifts))], 1
            )
            gain = np.where(there < self.need, self.under, -self.over) - self.wish[who]
            roster[who] = self.weeks.best([who], gain[None])[0]
            self.add(who, roster[who])
        return roster

    def mix(self, fixed: dict[int, np.ndarray]) -> tuple[list[tuple[int, np.ndarray, float]], np.ndarray, np.ndarray]:
        """The best mixture: (employee, roster, share), prices of (day, shift), and of employees."""
        cells = self.need.size
        columns, matrix, costs = self._program(fixed)
        count = len(columns)
        found = linprog(costs, A_eq=matrix, b_eq=self._right(), method="highs")
        duals = found.eqlin.marginals
        mixed = [(*columns[at], float(found.x[at])) for at in np.flatnonzero(found.x[:count] > 1e-6).tolist()]
        return mixed, duals[:cells].reshape(self.need.shape), duals[cells:]

    def _right(self) -> np.ndarray:
        return np.concatenate([self.need.ravel(), np.ones(len(self.kept))])

    def _program(self, fixed: dict[int, np.ndarray]) -> tuple[list[tuple[int, np.ndarray]], csr_array, np.ndarray]:
        """Columns, rows (cover, then employees), costs; under and over come after the columns."""
        cells = self.need.size
        columns = [
            (who, each)
            for who, kept in enumerate(self.kept)
            for each in ([fixed[who]] if who in fixed else kept.values())
        ]
        rows, cols, costs = [], [], []
        for at, (who, each) in enumerate(columns):
            days = np.flatnonzero(each != FREE)
            rows += [*(days * self.need.shape[1] + each[days]).tolist(), cells + who]
            cols += [at] * (len(days) + 1)
            costs.append(float(self.wish[who, days, each[days]].sum()))
        count, slack = len(columns), np.arange(cells)
        data = np.concatenate([np.ones(len(rows)), np.ones(cells), -np.ones(cells)])
        places = (np.concatenate([rows, slack, slack]), np.concatenate([cols, count + slack, count + cells + slack]))
        matrix = csr_array(coo_array((data, places), shape=(cells + len(self.kept), count + 2 * cells)))
        return columns, matrix, np.concatenate([costs, self.under.ravel(), self.over.ravel()])

    def price(self, prices: np.ndarray, employees: np.ndarray, fixed: dict[int, np.ndarray]) -> int:
        """Adds what would make the mixture better; how many."""
        open_ = [who for who in range(len(self.kept)) if who not in fixed]
        gains = prices[None] - self.wish[open_]
        # Where weeks take long to find, quick ones do until they add nothing.
        for fine in (True,) if self.weeks.width < 40 else (False, True):
            added = 0
            for who, gain, roster in zip(open_, gains, self.weeks.best(open_, gains, fine), strict=True):
                days = np.flatnonzero(roster != FREE)
                if gain[days, roster[days]].sum() + employees[who] > 1e-4:
                    added += self.add(who, roster)
            if added:
                return added
        return 0

    def whole(self, seconds: float) -> np.ndarray | None:
        """The best roster there is of what was kept; None: none in time."""
        columns, matrix, costs = self._program({})
        found = milp(
            costs,
            constraints=LinearConstraint(matrix, self._right(), self._right()),  # pyright: ignore[reportArgumentType]
            integrality=np.concatenate([np.ones(len(columns)), np.zeros(len(costs) - len(columns))]),
            options={"time_limit": max(0.5, seconds), "mip_rel_gap": 1e-4},
        )
        if found.x is None:
            return None
        made = np.full((len(self.kept), self.given.days), FREE)
        for at in np.flatnonzero(found.x[: len(columns)] > 0.5).tolist():
            made[columns[at][0]] = columns[at][1]
        return made


class Dive:
    """Settles, one after the other, the employees the mixture is surest of; the first time as it is, then by chance."""

    def __init__(
        self, given: Instance, cost: Callable[[np.ndarray], float], left: Callable[[], float], seed: int
    ) -> None:
        self.columns, self._cost, self._left = Columns(given), cost, left
        self._staff, self._chance = len(given.staff), np.random.default_rng(seed)
        self._shares: list[tuple[int, np.ndarray, float]] = []
        self.best = np.full((self._staff, given.days), FREE)
        for at in range(4):
            made = self._responded(self.best)
            self.best = made if at == 0 else min(made, self.best, key=cost)

    def run(self, keep: float) -> None:
        """Mixes until nothing is won, and then dives again and again while more than `keep` seconds are left."""
        first = True
        self._refine({}, 500, keep + 0.3 * (self._left() - keep))
        mixed = self._shares
        while self._left() > keep:
            self._shares = mixed
            self._down(first, keep)
            first = False
            self._refine({}, 2, keep)
            mixed = self._shares
            if all(share > 0.999 for *_, share in mixed):
                return

    def finish(self, seconds: float) -> None:
        """The best of all that was met on the way."""
        made = self.columns.whole(seconds)
        if made is not None:
            self.best = min(made, self.best, key=self._cost)

    def _responded(self, roster: np.ndarray) -> np.ndarray:
        return self.columns.respond(roster, self._chance.permutation(self._staff).tolist())

    def _refine(self, fixed: dict[int, np.ndarray], rounds: int, keep: float) -> None:
        for _ in range(rounds):
            self._shares, prices, employees = self.columns.mix(fixed)
            if self._left() < keep or not self.columns.price(prices, employees, fixed):
                return
        self._shares, _, _ = self.columns.mix(fixed)

    def _down(self, first: bool, keep: float) -> None:
        fixed: dict[int, np.ndarray] = {}
        while len(fixed) < self._staff and self._left() > 0.5 * keep:
            waiting = sorted((each for each in self._shares if each[0] not in fixed), key=lambda each: -each[2])
            fixed |= {who: roster for who, roster, share in waiting if share > 0.999}
            unsure = [each for each in waiting if each[0] not in fixed]
            for _ in range(max(1, self._staff // 25)):
                if unsure:
                    weight = np.array([each[2] for each in unsure]) ** 3
                    at = 0 if first else int(self._chance.choice(len(unsure), p=weight / weight.sum()))
                    fixed.setdefault(unsure[at][0], unsure[at][1])
                    unsure = [each for each in unsure if each[0] not in fixed]
            self._refine(fixed, 3, 0.5 * keep)
        for who, roster, _ in sorted(self._shares, key=lambda each: -each[2]):
            fixed.setdefault(who, roster)
        made = np.stack([fixed[who] for who in range(self._staff)])
        for _ in range(2):
            made = min(made, self._responded(made), key=self._cost)
        self.best = min(made, self.best, key=self._cost)
