import { Button } from "@mantine/core";
import { IconPlayerPlay } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { fetchBlob } from "../../api/client.ts";
import type { Recording } from "../../api/types.ts";
import { textOr, useText } from "../../i18n/index.ts";
import { Tag } from "../../ui/Note.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import classes from "./watch.module.css";

interface Props {
  recording: Recording;
  /** Where the audio is; that of a recorded call when unset. */
  path?: string;
  /** Called when playing begins. */
  onPlay?: (() => void) | undefined;
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
 * Plays a recording: customer left, agent right. The audio is fetched with the session's token when it is asked for,
 * since an audio element can't send one.
 */
function RecordingPlayer({ recording, path, onPlay }: Props) {
  const t = useText();
  const [address, setAddress] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  useEffect(() => () => URL.revokeObjectURL(address), [address]);
  const load = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      const audio = await fetchBlob(path ?? `/v1/recordings/${recording.recordingId}/audio`);
      setAddress(URL.createObjectURL(audio));
      onPlay?.();
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  if (address) {
    return (
      // biome-ignore lint/a11y/useMediaCaption: a recorded call has no captions
      <audio
        controls
        autoPlay
        src={address}
        className={classes.audio}
        aria-label={t("watch.player")}
        data-testid={`recording-audio-${recording.recordingId}`}
      />
    );
  }
  return (
    <>
      <Button
        variant="default"
        size="xs"
        loading={busy}
        leftSection={<IconPlayerPlay size={15} aria-hidden />}
        onClick={() => void load()}
        data-testid={`recording-play-${recording.recordingId}`}
      >
        {t("watch.play")}
      </Button>
      <ProblemNote problem={problem} />
    </>
  );
}
