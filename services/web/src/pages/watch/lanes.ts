/** What is drawn of recordings: the parts of a call in order, and a lane for every leg that is on one. */
import type { Recording, RecordingTrack } from "../../api/types.ts";
import { durationSeconds } from "../../format/durations.ts";

export interface Part {
  recording: Recording;
  /** Seconds between the end of the part before it and its beginning; 0 for the first. */
  missing: number;
}

/**
 * The recordings of a call's conversation, first part first: a call that moves to another machine goes on in a new one.
 * Messages left in the call are none of them.
 */
export function partsOf(recordings: readonly Recording[]): Part[] {
  const parts = recordings
    .filter((recording) => recording.kind !== "RECORDING_KIND_VOICEMAIL")
    .sort((a, b) => startOf(a) - startOf(b));
  return parts.map((recording, at) => {
    const before = parts[at - 1];
    const end = before ? startOf(before) + durationSeconds(before.duration) * 1000 : startOf(recording);
    return { recording, missing: Math.max(0, (startOf(recording) - end) / 1000) };
  });
}

function startOf(recording: Recording): number {
  return Date.parse(recording.startTime ?? "") || 0;
}

export interface Stretch {
  /** Share of the recording's length, 0 to 1. */
  from: number;
  to: number;
}

export interface Lane {
  track: RecordingTrack;
  /** Seconds from the recording's beginning. */
  from: number;
  to: number;
  present: Stretch;
  gaps: Stretch[];
  /** Share of each part of the recording in which it spoke, 0 to 1; empty while it isn't known. */
  activity: number[];
  /** Share of the time it was there in which it spoke; undefined while it isn't known. */
  spoke: number | undefined;
}

/** A lane for each track, in order of joining. */
export function lanesOf(recording: Recording): Lane[] {
  const length = durationSeconds(recording.duration);
  if (length <= 0) return [];
  const share = (seconds: number) => Math.min(1, Math.max(0, seconds / length));
  return (recording.tracks ?? []).map((track) => {
    const from = durationSeconds(track.startOffset);
    const to = track.endOffset ? durationSeconds(track.endOffset) : length;
    const gaps = (recording.gaps ?? [])
      .filter((gap) => gap.track === track.track)
      .map((gap) => {
        const start = durationSeconds(gap.startOffset);
        return { from: share(start), to: share(start + durationSeconds(gap.duration)) };
      });
    const activity = activityOf(track.activity);
    const spoken = (activity.reduce((sum, each) => sum + each, 0) / Math.max(1, activity.length)) * length;
    const spoke = activity.length > 0 && to > from ? Math.min(1, spoken / (to - from)) : undefined;
    return { track, from, to, present: { from: share(from), to: share(to) }, gaps, activity, spoke };
  });
}

function activityOf(encoded: string | undefined): number[] {
  return Array.from(atob(encoded ?? ""), (character) => character.charCodeAt(0) / 255);
}
