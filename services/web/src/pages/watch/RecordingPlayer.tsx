import { Button } from "@mantine/core";
import { IconPlayerPlay } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { fetchBlob } from "../../api/client.ts";
import type { Recording } from "../../api/types.ts";
import { durationSeconds } from "../../format/durations.ts";
import { textOr, useText } from "../../i18n/index.ts";
import { Tag } from "../../ui/Note.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { RecordingLanes } from "./RecordingLanes.tsx";
import classes from "./watch.module.css";

interface Props {
  recording: Recording;
  /** Where the audio is; that of a recorded call when unset. */
  path?: string;
  /** Called when playing begins. */
  onPlay?: (() => void) | undefined;
  /** Show who spoke when, and let one of them be heard alone. */
  lanes?: boolean;
}

/** The player, or why there is nothing to listen to yet. */
export function Listen(props: Props) {
  useText();
  const { recording } = props;
  if (recording.state === "RECORDING_STATE_STORED") return <RecordingPlayer {...props} />;
  return (
    <Tag tone={recording.state === "RECORDING_STATE_RECORDING" ? "bad" : "neutral"} dot>
      {textOr("recordingState", recording.state ?? "")}
    </Tag>
  );
}

/**
 * Plays a recording: customer left, everybody else right, or one of them alone. The audio is fetched with the session's
 * token when it is asked for, since an audio element can't send one.
 */
function RecordingPlayer({ recording, path, onPlay, lanes }: Props) {
  const t = useText();
  const player = useRef<HTMLAudioElement>(null);
  const [track, setTrack] = useState("");
  const [position, setPosition] = useState<number>();
  /** Where to begin once the audio is there. */
  const begin = useRef(0);
  const { address, busy, problem, load } = useAudio(
    path ?? `/v1/recordings/${recording.recordingId}/audio`,
    onPlay,
  );
  const choose = (next: string) => {
    setTrack(next);
    if (!address) return;
    begin.current = player.current?.currentTime ?? 0;
    void load(next);
  };
  const seek = (seconds: number) => {
    if (player.current) player.current.currentTime = seconds;
    else {
      begin.current = seconds;
      void load(track);
    }
  };
  return (
    <>
      {lanes && (
        <RecordingLanes
          recording={recording}
          chosen={track}
          onChoose={choose}
          position={position}
          length={durationSeconds(recording.duration)}
          onSeek={seek}
        />
      )}
      {address ? (
        // biome-ignore lint/a11y/useMediaCaption: a recorded call has no captions
        <audio
          ref={player}
          controls
          autoPlay
          src={address}
          className={classes.audio}
          aria-label={t("watch.player")}
          onLoadedMetadata={(event) => {
            event.currentTarget.currentTime = begin.current;
          }}
          onTimeUpdate={(event) => setPosition(event.currentTarget.currentTime)}
          data-testid={`recording-audio-${recording.recordingId}`}
        />
      ) : (
        <Button
          variant="default"
          size="xs"
          loading={busy}
          leftSection={<IconPlayerPlay size={15} aria-hidden />}
          onClick={() => void load(track)}
          data-testid={`recording-play-${recording.recordingId}`}
        >
          {t("watch.play")}
        </Button>
      )}
      <ProblemNote problem={problem} />
    </>
  );
}

/** The audio behind a path, or that of one track, once it is asked for. The last wish wins. */
function useAudio(path: string, onPlay: (() => void) | undefined) {
  const [address, setAddress] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const wish = useRef(0);
  useEffect(() => () => URL.revokeObjectURL(address), [address]);
  const load = async (track: string) => {
    wish.current += 1;
    const mine = wish.current;
    setBusy(true);
    setProblem(undefined);
    try {
      const audio = await fetchBlob(track ? `${path}?track=${encodeURIComponent(track)}` : path);
      if (mine !== wish.current) return;
      setAddress(URL.createObjectURL(audio));
      onPlay?.();
    } catch (error) {
      if (mine === wish.current) setProblem(error);
    } finally {
      if (mine === wish.current) setBusy(false);
    }
  };
  return { address, busy, problem, load };
}
