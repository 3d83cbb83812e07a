/** The draft being edited, with its undo; the list, the canvas and whatever else edits it share this one state. */
import { useEffect, useState } from "react";
import type { Definition, Flow } from "../../../api/types.ts";
import {
  begun,
  changed,
  type Draft,
  draftOf,
  type History,
  type Layout,
  redone,
  same,
  undone,
} from "./history.ts";

export interface Editing extends Draft {
  /** Whether there is something to save. */
  dirty: boolean;
  /** The version that was read or saved last: a save made on it is refused when somebody else was faster. */
  version: Flow["version"];
  canUndo: boolean;
  canRedo: boolean;
  /** Changes the steps, and where they stand if that is given. */
  change: (definition: Definition, layout?: Layout) => void;
  rename: (name: string) => void;
  undo: () => void;
  redo: () => void;
  /** Says that `sent` was saved, and what the server made of it. What was typed meanwhile stays. */
  saved: (sent: Draft, flow: Flow) => void;
  /** Says that another draft was saved in place of this one: it is shown, and what was here is gone. */
  replaced: (flow: Flow) => void;
}

interface State {
  history: History;
  saved: Draft;
  version: Flow["version"];
  read: Flow;
}

export function useDraft(flow: Flow): Editing {
  const [state, setState] = useState<State>(() => opened(flow));
  // A publishing leaves the draft as it was; what somebody else saved is shown unless something here is unsaved.
  if (flow !== state.read) setState(refreshed(state, flow));
  const step = (next: (history: History) => History) =>
    setState((before) => ({ ...before, history: next(before.history) }));
  const edit = (part: (present: Draft) => Partial<Draft>) =>
    step((history) => changed(history, { ...history.present, ...part(history.present) }, Date.now()));
  const undo = () => step(undone);
  const redo = () => step(redone);
  useUndoKeys(undo, redo);
  const { present, past, future } = state.history;
  return {
    ...present,
    dirty: !same(present, state.saved),
    version: state.version,
    canUndo: past.length > 0,
    canRedo: future.length > 0,
    change: (definition, layout) => edit((now) => ({ definition, layout: layout ?? now.layout })),
    rename: (name) => edit(() => ({ name })),
    undo,
    redo,
    saved: (sent, answer) => setState((before) => afterSave(before, sent, answer)),
    replaced: (answer) => setState((before) => ({ ...opened(answer), read: before.read })),
  };
}

function opened(flow: Flow): State {
  const draft = draftOf(flow);
  return { history: begun(draft), saved: draft, version: flow.version, read: flow };
}

function refreshed(state: State, flow: Flow): State {
  if (same(draftOf(flow), state.saved)) return { ...state, version: flow.version, read: flow };
  if (same(state.history.present, state.saved)) return opened(flow);
  return { ...state, read: flow };
}

function afterSave(state: State, sent: Draft, flow: Flow): State {
  const saved = draftOf(flow);
  const { history } = state;
  const typedOn = !same(history.present, sent);
  return {
    ...state,
    history: typedOn ? history : { ...history, present: saved, at: 0 },
    saved,
    version: flow.version,
  };
}

/** Ctrl+Z and Ctrl+Shift+Z (or Ctrl+Y) anywhere on the page but in dialogs and in fields that edit something else. */
function useUndoKeys(undo: () => void, redo: () => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const key = event.key.toLowerCase();
      if (!(event.ctrlKey || event.metaKey) || event.altKey || (key !== "z" && key !== "y")) return;
      const target = event.target instanceof Element ? event.target : undefined;
      if (target?.closest("[role=dialog]")) return;
      const typing = target?.matches("input, textarea, select, [contenteditable=true]");
      if (typing && !target?.closest("[data-draft]")) return;
      event.preventDefault();
      if (key === "y" || event.shiftKey) redo();
      else undo();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  });
}
