/**
 * The canvas by keyboard: Tab goes from step to step, arrows push the step that has the focus, with Ctrl they go to the
 * next one in that direction; Enter opens its fields, Delete removes what is selected, Ctrl+D doubles it.
 */
import type { KeyboardEvent } from "react";
import { type Direction, GRID, mirrored, nearest, WIDTH } from "./places.ts";
import type { Drawing } from "./useCanvas.ts";

const PUSH: Readonly<Record<Direction, { x: number; y: number }>> = {
  ArrowLeft: { x: -GRID, y: 0 },
  ArrowRight: { x: GRID, y: 0 },
  ArrowUp: { x: 0, y: -GRID },
  ArrowDown: { x: 0, y: GRID },
};

interface Hands {
  canvas: Drawing;
  rtl: boolean;
  /** Removes what is selected, or one step that isn't. */
  remove: (stepId?: string) => void;
  copy: () => void;
  /** Puts the focus into the fields of the step that is selected. */
  openFields: () => void;
  show: (stepId: string) => void;
}

export function canvasKeys({ canvas, rtl, remove, copy, openFields, show }: Hands) {
  return (event: KeyboardEvent<HTMLElement>) => {
    const stage = event.currentTarget;
    const id = event.target instanceof HTMLElement ? event.target.dataset.id : undefined;
    const isSelected = canvas.selected.some((step) => step.stepId === id);
    const command = event.ctrlKey || event.metaKey;
    const taken = act();
    if (!taken) return;
    event.preventDefault();
    event.stopPropagation();

    function act(): boolean {
      if (event.key === "Delete" || event.key === "Backspace") {
        remove(isSelected ? undefined : id);
        return true;
      }
      if (command && event.key.toLowerCase() === "d" && canvas.selected.length > 0) {
        copy();
        return true;
      }
      if (event.key === "Escape" && canvas.selected.length > 0) {
        canvas.selectOnly([]);
        return true;
      }
      if (!id) return false;
      if (event.key === "Enter" || event.key === " ") {
        canvas.selectOnly([id]);
        if (event.key === "Enter") requestAnimationFrame(openFields);
        return true;
      }
      if (!(event.key in PUSH)) return false;
      const direction = event.key as Direction;
      if (command) goTo(nearest(id, direction, standing()));
      else push(id, direction);
      return true;
    }

    function push(from: string, direction: Direction) {
      const ids = isSelected ? canvas.selected.map((step) => step.stepId ?? "") : [from];
      const far = event.shiftKey ? 5 : 1;
      canvas.move(ids, { x: PUSH[direction].x * far, y: PUSH[direction].y * far });
    }

    function goTo(next: string | undefined) {
      if (!next) return;
      show(next);
      focusOnceDrawn(stage, next);
    }

    /** The steps as they stand on the screen. */
    function standing() {
      const steps = [...canvas.places].filter(([place]) => !place.startsWith(":"));
      return new Map(steps.map(([place, at]) => [place, rtl ? mirrored(at, WIDTH) : at]));
    }
  };
}

const PATIENCE_MS = 1000;

/** A step that is out of view isn't there to be focused until the view has gone to it. */
function focusOnceDrawn(stage: HTMLElement, stepId: string): void {
  const until = performance.now() + PATIENCE_MS;
  const look = () => {
    const node = stepElement(stage, stepId);
    if (node) node.focus({ preventScroll: true });
    else if (performance.now() < until) requestAnimationFrame(look);
  };
  look();
}

export function stepElement(stage: HTMLElement | null, stepId: string): HTMLElement | null {
  return stage?.querySelector<HTMLElement>(`.react-flow__node[data-id="${CSS.escape(stepId)}"]`) ?? null;
}
