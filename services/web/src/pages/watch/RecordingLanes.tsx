import { useId } from "react";
import { useNames } from "../../api/names.ts";
import type { Recording, RecordingTrack } from "../../api/types.ts";
import { formatClock } from "../../format/durations.ts";
import { formatShare } from "../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../i18n/index.ts";
import { type Lane, lanesOf } from "./lanes.ts";
import classes from "./watch.module.css";

interface Props {
  recording: Recording;
  /** Track that is heard alone; empty for all. */
  chosen: string;
  onChoose: (track: string) => void;
  /** Seconds; undefined while nothing plays. */
  position: number | undefined;
  length: number;
  onSeek: (seconds: number) => void;
}

/** Who spoke when: a lane for every leg, and the choice whom to hear. */
export function RecordingLanes({ recording, chosen, onChoose, position, length, onSeek }: Props) {
  const t = useText();
  const group = useId();
  const label = useTrackLabel();
  const lanes = lanesOf(recording);
  if (lanes.length === 0) return null;
  const choice = (track: string, name: string) => (
    <label className={classes.laneName}>
      <input
        type="radio"
        name={group}
        checked={chosen === track}
        onChange={() => onChoose(track)}
        data-testid={`lane-choose-${track || "all"}`}
      />
      <bdi>{name}</bdi>
    </label>
  );
  return (
    <fieldset className={classes.lanes} data-testid={`lanes-${recording.recordingId}`}>
      <legend>{t("watch.lanes")}</legend>
      {choice("", t("watch.lanes.all"))}
      {lanes.map((lane) => (
        <div key={lane.track.track} className={classes.lane} data-testid="lane">
          {choice(lane.track.track ?? "", label(lane.track))}
          <Picture lane={lane} position={position} length={length} onSeek={onSeek} />
          <LaneWords lane={lane} />
        </div>
      ))}
    </fieldset>
  );
}

/** The picture in words, for who doesn't see it and who wants the figures. */
function LaneWords({ lane }: { lane: Lane }) {
  const t = useText();
  const language = useLanguage();
  const words = [
    t("watch.lanes.present", {
      from: formatClock(lane.from, language),
      to: formatClock(lane.to, language),
    }),
  ];
  if (lane.spoke !== undefined)
    words.push(t("watch.lanes.spoke", { share: formatShare(lane.spoke, language) }));
  if (lane.gaps.length > 0) words.push(t("watch.lanes.gaps", { count: lane.gaps.length }));
  return <span className={classes.faint}>{words.join(" · ")}</span>;
}

interface PictureProps {
  lane: Lane;
  position: number | undefined;
  length: number;
  onSeek: (seconds: number) => void;
}

/** Decoration beside the words, and a place to click: the player itself seeks by keyboard. */
function Picture({ lane, position, length, onSeek }: PictureProps) {
  const columns = lane.activity.length || 240;
  const at = (share: number) => share * columns;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: seeking by keyboard is the player's
    // biome-ignore lint/a11y/useKeyWithClickEvents: seeking by keyboard is the player's
    <div
      className={classes.picture}
      dir="ltr"
      onClick={(event) => {
        const box = event.currentTarget.getBoundingClientRect();
        onSeek(((event.clientX - box.left) / box.width) * length);
      }}
    >
      <svg viewBox={`0 0 ${columns} 24`} preserveAspectRatio="none" aria-hidden="true">
        <rect
          className={classes.present}
          x={at(lane.present.from)}
          width={at(lane.present.to - lane.present.from)}
          y={0}
          height={24}
        />
        {lane.gaps.map((gap) => (
          <rect
            key={gap.from}
            className={classes.gap}
            x={at(gap.from)}
            width={at(gap.to - gap.from)}
            y={0}
            height={24}
          />
        ))}
        <path className={classes.spoken} d={outline(lane.activity)} />
        {position !== undefined && length > 0 && (
          <rect className={classes.playhead} x={at(position / length)} width={0.8} y={0} height={24} />
        )}
      </svg>
    </div>
  );
}

/** One bar a column, as tall as its share, about the middle of the lane. */
function outline(activity: readonly number[]): string {
  return activity
    .map((share, column) => (share > 0 ? `M${column} ${12 - share * 10}h1v${share * 20}h-1z` : ""))
    .join("");
}

/** Who a track is of, in words. */
function useTrackLabel(): (track: RecordingTrack) => string {
  useText();
  const names = useNames();
  return (track) => {
    const party = textOr("trackParty", track.party ?? "");
    const who = track.agentId ? names.user(track.agentId) : track.address;
    return who ? `${party} ${who}` : party;
  };
}
