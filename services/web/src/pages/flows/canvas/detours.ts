/**
 * Ways round: a line that would run beneath a step looks as if it ended there, so it goes above or below all steps
 * between its ends. As drawn from left to right.
 */
import type { Place } from "./history.ts";

export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** A line leaves its straight way before `from` and comes back to it after `to`; between them it runs at `y`. */
export interface Detour {
  from: number;
  to: number;
  y: number;
}

/** How far a line keeps off a step, and two lines off each other, px. */
const OFF = 20;
const BESIDE = 6;
/** A way round that meets other steps is sought anew around those too, this many times. */
const TRIES = 5;

/** The way round the boxes between two ends; undefined when the line is free or leads back. `lane` sets lines apart. */
export function detourOf(
  source: Place,
  target: Place,
  boxes: readonly Box[],
  lane: number,
): Detour | undefined {
  const between = boxes.filter((box) => box.left > source.x && box.right < target.x);
  let blocking = between.filter((box) => meets(box, source, target));
  if (blocking.length === 0) return undefined;
  let found = around(blocking, source, target, lane);
  for (let tries = 0; tries < TRIES; tries += 1) {
    const { from, to, y } = found;
    const more = between.filter(
      (box) =>
        !blocking.includes(box) &&
        box.right > from &&
        box.left < to &&
        box.top < y + BESIDE &&
        box.bottom > y - BESIDE,
    );
    if (more.length === 0) break;
    blocking = [...blocking, ...more];
    found = around(blocking, source, target, lane);
  }
  return found;
}

function around(boxes: readonly Box[], source: Place, target: Place, lane: number): Detour {
  const above = Math.min(...boxes.map((box) => box.top)) - OFF - lane * BESIDE;
  const below = Math.max(...boxes.map((box) => box.bottom)) + OFF + lane * BESIDE;
  const length = (y: number) => Math.abs(source.y - y) + Math.abs(target.y - y);
  return {
    from: Math.min(...boxes.map((box) => box.left)) - OFF,
    to: Math.max(...boxes.map((box) => box.right)) + OFF,
    y: length(above) < length(below) ? above : below,
  };
}

/** Whether the curve from one end to the other runs through a box. */
function meets(box: Box, source: Place, target: Place): boolean {
  const at = (x: number) => {
    const way = (x - source.x) / (target.x - source.x);
    return source.y + (target.y - source.y) * way * way * (3 - 2 * way);
  };
  const [one, other] = [at(box.left), at(box.right)];
  return Math.min(one, other) < box.bottom + BESIDE && Math.max(one, other) > box.top - BESIDE;
}
